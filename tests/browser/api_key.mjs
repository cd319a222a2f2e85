// /docs: authorize with an API key instead of a login, and call a guarded route. The key is not kept.

import { base, expect, visit } from "./browser.mjs";

const key = process.argv[3];

await visit({}, async (page) => {
  await page.goto(`${base}/docs`);
  const operation = page.locator(".opblock", {
    has: page.locator('.opblock-summary-path[data-path="/users/me/items"]'),
  });
  const lock = (state) => operation.locator(`button[aria-label="authorization button ${state}"]`);
  await lock("unlocked").waitFor();
  await page.locator(".scheme-container button.authorize").click();
  const form = page.locator(".auth-container", { hasText: "X-API-Key" });
  await form.locator("input").fill(key);
  await form.locator("button.authorize").click();
  await form.locator("button", { hasText: "Logout" }).waitFor();
  await page.locator("button.btn-done").first().click();
  await lock("locked").waitFor();

  await operation.locator(".opblock-summary-control").click();
  await operation.locator("button.try-out__btn").click();
  const answered = page.waitForResponse((response) => response.url().includes("/users/me/items"));
  await operation.locator("button.execute").click();
  const response = await answered;
  expect("status", response.status(), 200);
  expect("the header", (await response.request().allHeaders())["x-api-key"], key);

  const stored = () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]);
  const text = await page.evaluate(stored);
  if (text.includes(key)) throw new Error(`the key is stored: ${text}`);
});
