// Clients that openapi-generator has made of the documents of examples/bodies.rs and examples/handlers.rs, in
// TypeScript, call them. Arguments: the addresses of both, the folder that holds the compiled clients.
import assert from "node:assert/strict";

const [bodiesAt, handlersAt, folder] = process.argv.slice(2);
const bodies = await import(`${folder}/bodies/index.js`);
const handlers = await import(`${folder}/handlers/index.js`);

/** For johndoe; the generated code sends what `accessToken` returns as it is. */
async function configured({ Configuration, TokenApi }, basePath) {
    const token = new TokenApi(new Configuration({ basePath }));
    const { accessToken } = await token.loginForAccessToken({ username: "johndoe", password: "1234", scope: "me" });
    return new Configuration({ basePath, accessToken: () => `Bearer ${accessToken}` });
}

const refusal = (promise) => promise.then(() => assert.fail("accepted"), (error) => error.response);

const orders = new bodies.OrdersApi(await configured(bodies, bodiesAt));
const item = { sku: "SKU-7", price: 2.5, quantity: 2 };
const placed = await orders.place({ order: { items: [item], shipping: bodies.Shipping.Express } });
assert.deepEqual([placed.items[0].quantity, placed.shipping], [2, "express"]);
const wrong = await refusal(orders.place({ order: { items: [{ ...item, sku: "7" }] } }));
assert.equal(wrong.status, 422);
assert.deepEqual((await wrong.json()).detail[0].loc, ["body", "items", 0, "sku"]);

const configuration = await configured(handlers, handlersAt);
const articles = new handlers.ArticlesApi(configuration);
const made = await articles.addRaw({ article: { name: "50 %/ä" } });
assert.deepEqual([made.raw.status, made.raw.headers.get("location")], [201, "/articles/50%20%25%2F%C3%A4"]);
assert.equal(await articles.order({ number: 1 }), "on its way");
assert.equal((await refusal(articles.order({ number: 9 }))).status, 404);
await articles.remove({ number: 2 });
const picture = new File(["picture"], "a.png", { type: "image/png" });
const arrived = await new handlers.PicturesApi(configuration).upload({ caption: "A", picture });
assert.deepEqual([arrived.name, arrived.size, arrived.hasLicence], ["a.png", 7, false]);
