// How a page looks: narrow and wide, light and dark, to axe-core and to people. With SCREENSHOTS, it leaves a
// picture of each page there.

import { createRequire } from "node:module";
import { expect } from "./browser.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const pictures = process.env.SCREENSHOTS;

export const WAYS = [
  { name: "390-light", width: 390, colorScheme: "light", locale: "en" },
  { name: "390-dark", width: 390, colorScheme: "dark", locale: "ko" },
  { name: "1440-light", width: 1440, colorScheme: "light", locale: "ko" },
  { name: "1440-dark", width: 1440, colorScheme: "dark", locale: "en" },
];

/** What can be used, and so must have a name. */
const USED = ["button", "checkbox", "combobox", "link", "radio", "searchbox", "textbox"];

/**
 * What a screen reader finds: one heading for the page, landmarks, a name for all that can be used, and faults
 * that are announced and tied to the fields that they are about.
 */
async function read(page, name, banners) {
  const tree = await page.locator("body").ariaSnapshot();
  const nodes = [...tree.matchAll(/^ *- '?([a-z]+)( "(?:[^"\\]|\\.)+")?(.*)$/gm)];
  const count = (role, more = "") =>
    nodes.filter(([, found, , rest]) => found === role && rest.includes(more)).length;
  expect(`${name}: headings of the page in ${tree}`, count("heading", "[level=1]"), 1);
  const feet = await page.locator("footer").count();
  for (const [landmark, expected] of [["banner", banners], ["main", 1], ["contentinfo", feet]]) {
    expect(`${name}: ${landmark} in ${tree}`, count(landmark), expected);
  }
  const nameless = nodes.filter(([, role, label]) => USED.includes(role) && !label).map(([line]) => line);
  expect(`${name}: without a name`, nameless.join("\n"), "");
  const loose = await page.evaluate(() => {
    const alerts = [...document.querySelectorAll("[role=alert][id]")];
    const fields = [...document.querySelectorAll("[aria-invalid=true]")];
    const about = (field) => (field.getAttribute("aria-describedby") ?? "").split(" ");
    const untold = alerts.filter(({ id }) => !fields.some((field) => about(field).includes(id)));
    const dangling = fields.filter((field) => !alerts.some(({ id }) => about(field).includes(id)));
    return [...untold, ...dangling].map((it) => it.outerHTML).join("\n");
  });
  expect(`${name}: faults and fields apart`, loose, "");
}

/** No violation of WCAG 2.2 AA or of good practice, nothing wider than the window; and a picture. */
export async function look(page, name, { fullPage = true, banners = 1 } = {}) {
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage });
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(`${name}: pixels beyond the window`, wide, 0);
  await read(page, name, banners);
  // In a world of its own: the page's policy allows no script, and its own world stays as it is.
  const client = await page.context().newCDPSession(page);
  const { frameTree } = await client.send("Page.getFrameTree");
  const world = await client.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
  const run = async (expression) => {
    const contextId = world.executionContextId;
    const awaited = { expression, contextId, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await client.send("Runtime.evaluate", awaited);
    if (exceptionDetails) throw new Error(`${name}: ${exceptionDetails.text}`);
    return result.value;
  };
  const { readFile } = await import("node:fs/promises");
  await run(await readFile(axe, "utf8"));
  const found = await run(
    "axe.run().then((it) => JSON.stringify(it.violations.map((v) => [v.id, v.nodes.map((n) => n.html)])))",
  );
  expect(`${name}: violations`, found, "[]");
}

