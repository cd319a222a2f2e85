// What openapi-typescript makes of the examples' documents: right calls compile, wrong ones do not.

import type { operations as Bodies, paths } from "./bodies";
import type { operations as Handlers } from "./handlers";

type Json<T extends { content: unknown }> = T["content"] extends { "application/json": infer B } ? B : never;
type Body<T extends { requestBody: { content: unknown } }> = Json<T["requestBody"]>;

const order: Body<Bodies["place"]> = {
  items: [{ sku: "SKU-7", price: 2.5, quantity: 1 }],
  shipping: "express",
  note: null,
};
// @ts-expect-error: there is no such way to send it.
order.shipping = "slow";
// @ts-expect-error: a number.
order.items[0].price = "2.5";

const search: NonNullable<Bodies["search"]["parameters"]["query"]> = { word: ["red"], in_stock: true, limit: 5 };
const picture: paths["/articles/{sku}/pictures/{number}"]["get"]["parameters"]["path"] = { sku: "SKU-7", number: 1 };

const wrong: Json<Bodies["place"]["responses"]["422"]> = {
  detail: [{ loc: ["body", "items", 0], msg: "Field required", type: "missing" }],
};
const created: Json<Handlers["add"]["responses"]["201"]> = { name: "Foo" };
const location: string = ({} as Handlers["add"]["responses"]["201"]["headers"]).Location;
const table: Handlers["prices"]["responses"]["200"]["content"] = { "text/csv": "" };
const missing: Json<Handlers["order"]["responses"]["404"]> = { detail: "there is no article 7" };

export { created, location, missing, order, picture, search, table, wrong };
