// /docs with `server.public_url`: sign in by the authorization code flow, in a window of its own; the login by
// a password stands first, as without it.

import { base, expect, visit } from "./browser.mjs";

const LOCKED = '.opblock:has(.opblock-summary-path[data-path="/users/me/items"]) button.authorization__btn';

/** Everything in the browser's storage and in the address, as one text. */
const visible = (page) =>
  page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href]));

const dialog = (page) => page.locator(".modal-ux");
const signIn = (page) => dialog(page).locator(".auth-container", { hasText: "authorizationCode with PKCE" });

async function openDialog(page) {
  await page.goto("about:blank");
  await page.goto(`${base}/docs`);
  await page.locator(".scheme-container button.authorize").click();
  await dialog(page).waitFor();
}

/** Ticks the scopes and presses Authorize; returns the window that opens. */
async function begin(page, scopes) {
  for (const scope of scopes) {
    await signIn(page).locator(`.checkbox label[for^="${scope}-authorizationCode"]`).click();
  }
  const opened = page.waitForEvent("popup");
  await signIn(page).locator("button.authorize").click();
  return opened;
}

await visit({ locale: "en" }, async (page, faults) => {
  const requests = [];
  page.on("request", (request) => requests.push(request));
  const asked = [];
  page.context().on("request", (request) => asked.push(request.url()));
  await openDialog(page);
  const headings = await dialog(page).locator(".auth-container h4").allInnerTexts();
  expect("the first login", headings[0].includes("password"), true);
  expect("the second", headings[1].includes("authorizationCode with PKCE"), true);
  expect("a field for a secret", await signIn(page).getByText("client_secret").isVisible(), false);

  // The login page and the question, by hand; then the window closes by itself.
  let opened = await begin(page, ["me", "items"]);
  await opened.locator("#username").fill("johndoe");
  await opened.locator("#password").fill("1234");
  await opened.locator("button[type=submit]").click();
  const allow = opened.locator("button[value=allow]");
  await allow.waitFor();
  // A page that has not asked is not told, whatever comes back.
  const stranger = await page.context().newPage();
  await stranger.goto(`${base}/docs/oauth2-redirect?code=stolen&state=guessed`);
  await stranger.close();
  const closed = opened.waitForEvent("close");
  await allow.click();
  await closed;
  await signIn(page).locator("button", { hasText: "Logout" }).waitFor();

  const request = new URL(asked.find((url) => url.startsWith(`${base}/oauth/authorize?`)));
  const of = (name) => request.searchParams.get(name);
  expect("the method", of("code_challenge_method"), "S256");
  expect("the challenge", of("code_challenge").length, 43);
  expect("the state", of("state").length, 64);
  const redeemed = requests.filter((it) => it.method() === "POST" && it.url() === `${base}/token`);
  expect("redeemed", redeemed.length, 1);
  const form = new URLSearchParams(redeemed[0].postData());
  expect("the grant", form.get("grant_type"), "authorization_code");
  expect("a secret", form.has("client_secret"), false);
  const shown = await visible(page);
  for (const word of ["1234", form.get("code"), form.get("code_verifier"), of("state")]) {
    if (shown.includes(word)) throw new Error(`${word} can be seen: ${shown}`);
  }
  expect("localStorage", await page.evaluate(() => localStorage.length), 0);
  const kept = JSON.parse(await page.evaluate(() => sessionStorage.getItem("bailiwick.tokens")));
  const token = kept.OAuth2PasswordBearer.token;
  expect("what is kept", Object.keys(token).join(" "), "access_token token_type scope");
  expect("the scopes", token.scope.split(" ").sort().join(" "), "items me");

  // The token opens what it is for.
  await page.locator("button.btn-done").first().click();
  await page.locator(`${LOCKED}[aria-label="authorization button locked"]`).waitFor();
  const operation = page.locator(".opblock", {
    has: page.locator('.opblock-summary-path[data-path="/users/me/items"]'),
  });
  await operation.locator(".opblock-summary-control").click();
  await operation.locator("button.try-out__btn").click();
  const answered = page.waitForResponse((response) => response.url().includes("/users/me/items"));
  await operation.locator("button.execute").click();
  expect("status", (await answered).status(), 200);

  // Whoever does not allow it is told so.
  await openDialog(page);
  await signIn(page).locator("button", { hasText: "Logout" }).click();
  opened = await begin(page, ["me"]);
  const refused = opened.waitForEvent("close");
  await opened.locator("button[value=deny]").click();
  await refused;
  await signIn(page).locator(".errors", { hasText: "access_denied" }).waitFor();
  expect("faults", faults.join("\n"), "");
});

// A password still logs in, with no client of its own.
await visit({ locale: "en" }, async (page) => {
  await openDialog(page);
  const form = dialog(page).locator(".auth-container", { has: page.locator("#oauth_username") });
  await form.locator("#oauth_username").fill("johndoe");
  await form.locator("#oauth_password").fill("1234");
  const answered = page.waitForResponse((response) => response.url().endsWith("/token"));
  await form.locator("button.authorize").click();
  const answer = await answered;
  expect("the login", answer.status(), 200);
  expect("a client", (await answer.request().allHeaders()).authorization, undefined);
  await page.locator(".auth-btn-wrapper button", { hasText: "Logout" }).first().waitFor();
});
