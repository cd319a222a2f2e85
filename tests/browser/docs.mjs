// /docs: log in with the form of Swagger UI, call a guarded route, come back, and call it again.

import { base, expect, visit } from "./browser.mjs";

async function callItems(page) {
  const operation = page.locator(".opblock", {
    has: page.locator('.opblock-summary-path[data-path="/users/me/items"]'),
  });
  await operation.locator(".opblock-summary-control").click();
  await operation.locator("button.try-out__btn").click();
  const answered = page.waitForResponse((response) => response.url().includes("/users/me/items"));
  await operation.locator("button.execute").click();
  expect("status", (await answered).status(), 200);
  const shown = operation.locator(".live-responses-table .response");
  expect("shown status", (await shown.locator(".response-col_status").innerText()).trim(), "200");
  const body = await shown.locator(".response-col_description").innerText();
  if (!body.includes('"owner": "johndoe"')) throw new Error(`the body is not shown: ${body}`);
}

/** A lock on every operation but the login, and each open or closed. */
async function expectLocks(page, locked) {
  await page.locator(".opblock").first().waitFor();
  const operations = await page.locator(".opblock").count();
  const locks = page.locator(".opblock button.authorization__btn");
  expect("locks", await locks.count(), operations - 1);
  const login = page.locator(".opblock", {
    has: page.locator('.opblock-summary-path[data-path="/token"]'),
  });
  expect("locks on the login", await login.locator("button.authorization__btn").count(), 0);
  const items = page.locator(".opblock", {
    has: page.locator('.opblock-summary-path[data-path="/users/me/items"]'),
  });
  const state = locked ? "locked" : "unlocked";
  await items.locator(`button[aria-label="authorization button ${state}"]`).waitFor();
}

await visit({}, async (page) => {
  await page.goto(`${base}/docs`);
  await expectLocks(page, false);
  await page.locator(".scheme-container button.authorize").click();
  const form = page.locator(".auth-container", { has: page.locator("#oauth_username") });
  await form.locator("#oauth_username").fill("johndoe");
  await form.locator("#oauth_password").fill("1234");
  const scopes = await form.locator(".scopes").innerText();
  for (const text of ["Read items", "Read information about the current user"]) {
    if (!scopes.includes(text)) throw new Error(`no description of a scope: ${scopes}`);
  }
  for (const scope of ["me", "items"]) {
    await form.locator(`.checkbox label[for^="${scope}-"]`).click();
  }
  const answered = page.waitForResponse((response) => response.url().endsWith("/token"));
  await form.locator("button.authorize").click();
  expect("login", (await answered).status(), 200);
  await page.locator(".auth-btn-wrapper button", { hasText: "Logout" }).waitFor();
  await page.locator("button.btn-done").first().click();
  await expectLocks(page, true);
  await callItems(page);

  // Not reload: the address names the operation by now, and it would open by itself.
  await page.goto("about:blank");
  await page.goto(`${base}/docs`);
  await callItems(page);
});
