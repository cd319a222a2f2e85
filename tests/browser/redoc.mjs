// /redoc: a reference for everybody, with a search; /docs in the dark. See look.mjs.

import { base, expect, visit } from "./browser.mjs";
import { WAYS, look } from "./look.mjs";

/** Its pictures show what fits the window, and its title stands within the text. */
const REFERENCE = { fullPage: false, banners: 0 };

for (const { name, width, colorScheme } of WAYS) {
  await visit({ viewport: { width, height: 900 }, colorScheme }, async (page) => {
    await page.goto(`${base}/redoc`);
    await look(page, `redoc-${name}`, REFERENCE);
    await page.evaluate(() => document.querySelectorAll("details").forEach((it) => (it.open = true)));
    await page.locator("#create_user").scrollIntoViewIfNeeded();
    await look(page, `redoc-open-${name}`, REFERENCE);

    // The search: any word of a path or a title; Enter goes there.
    const shown = () => page.locator(".side li:visible").count();
    const all = await shown();
    await page.keyboard.press("/");
    await page.keyboard.type("get own items");
    expect("what is found", await shown(), 1);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/redoc#read_own_items");
    const top = await page.locator("#read_own_items").evaluate((it) => it.getBoundingClientRect().top);
    expect("it is in sight", top >= 0 && top < 450, true);
    await page.locator("#search").fill("nothing of this kind");
    await page.getByText("Nothing is called so.").waitFor();
    await page.keyboard.press("Escape");
    expect("all again", await shown(), all);
  });
}

// A schema leads to those within it, and the page reads without its script.
await visit({ javaScriptEnabled: false }, async (page) => {
  await page.goto(`${base}/redoc`);
  expect("the search", await page.locator("#search").isVisible(), false);
  const users = page.locator("#list_users");
  await users.locator("summary", { hasText: "200" }).click();
  await users.locator("a[href='#schema-UserRecord'], a[href^='#schema-']").first().click();
  await page.waitForURL("**/redoc#schema-*");
});

for (const { name, width, colorScheme } of WAYS) {
  await visit({ viewport: { width, height: 900 }, colorScheme }, async (page) => {
    await page.goto(`${base}/docs`);
    await page.getByText("/users/me/items").first().waitFor();
    if (process.env.SCREENSHOTS) {
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/docs-${name}.png` });
    }
    const light = await page.evaluate(() => {
      const [r, g, b] = getComputedStyle(document.documentElement).backgroundColor.match(/[\d.]+/g).map(Number);
      const [, , , alpha = 1] = getComputedStyle(document.documentElement).backgroundColor.match(/[\d.]+/g).map(Number);
      return alpha === 0 ? 255 : (r + g + b) / 3;
    });
    expect(`${name}: the ground of /docs is dark`, light < 80, colorScheme === "dark");
  });
}
