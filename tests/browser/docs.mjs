// /docs: log in with the form of Swagger UI, call a guarded route, come back, and call it again. Nothing
// that was typed is kept, and "select all" logs in with the scopes that the user holds.

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

/** Everything in the browser's storage, as one text. */
const stored = (page) =>
  page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));

async function expectNothingTyped(page, typed) {
  const text = await stored(page);
  for (const word of typed) {
    if (text.includes(word)) throw new Error(`${word} is stored: ${text}`);
  }
}

await visit({}, async (page) => {
  await page.goto(`${base}/docs`);
  // As left behind by versions that kept the password.
  await page.evaluate(() => localStorage.setItem("authorized", '{"password":"from-before"}'));
  await page.reload();
  await expectLocks(page, false);
  await expectNothingTyped(page, ["from-before"]);
  await page.locator(".scheme-container button.authorize").click();
  const first = await page.locator(".modal-ux .auth-container h4").first().innerText();
  if (!first.includes("OAuth2PasswordBearer")) throw new Error(`${first} stands first`);
  await page.locator("#oauth_username:focus").waitFor();
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
  await expectNothingTyped(page, ["1234", "johndoe"]);
  expect("localStorage", await page.evaluate(() => localStorage.length), 0);

  // HTTP Basic's username and password are typed as well.
  const basic = page.locator(".auth-container", { hasText: "HTTPBasic" });
  await basic.locator("#auth-basic-username").fill("johndoe");
  await basic.locator("#auth-basic-password").fill("1234");
  await basic.locator("button.authorize").click();
  await basic.locator("button", { hasText: "Logout" }).waitFor();
  await expectNothingTyped(page, ["1234", "johndoe", btoa("johndoe:1234")]);
  await basic.locator("button", { hasText: "Logout" }).click();

  await page.locator("button.btn-done").first().click();
  await expectLocks(page, true);
  await callItems(page);

  // Not reload: the address names the operation by now, and it would open by itself.
  await page.goto("about:blank");
  await page.goto(`${base}/docs`);
  await callItems(page);

  // A token ends with its logout, and with its tab.
  await page.locator(".scheme-container button.authorize").click();
  await page.locator(".auth-btn-wrapper button", { hasText: "Logout" }).first().click();
  await page.locator("button.btn-done").first().click();
  await page.goto("about:blank");
  await page.goto(`${base}/docs`);
  await expectLocks(page, false);
});

await visit({}, async (page, faults) => {
  await page.goto(`${base}/docs`);
  await page.locator(".scheme-container button.authorize").click();
  const form = page.locator(".auth-container", { has: page.locator("#oauth_username") });
  const note = await form
    .locator(".scopes h2")
    .evaluate((heading) => getComputedStyle(heading, "::after").content);
  if (!note.includes("left out")) throw new Error(`nothing is said beside "select all": ${note}`);
  await form.locator("#oauth_username").fill("johndoe");
  await form.locator("#oauth_password").fill("1234");
  await form.locator(".scopes a", { hasText: "select all" }).click();
  await form.locator("button.authorize").click();
  await page.locator(".auth-btn-wrapper button", { hasText: "Logout" }).waitFor();
  expect("errors", await page.locator(".auth-container .errors").count(), 0);
  // Chromium reports the 400 that named those scopes.
  faults.splice(0, faults.length, ...faults.filter((fault) => !fault.includes("400")));
  await page.locator("button.btn-done").first().click();
  await callItems(page);

  const other = await page.context().newPage();
  await other.goto(`${base}/docs`);
  await expectLocks(other, false);
});
