// Every page for people in a real browser: narrow and wide, light and dark, by keyboard only,
// without violations that axe-core finds. See look.mjs.

import { createServer } from "node:http";
import { base, expect, visit } from "./browser.mjs";
import { WAYS, look } from "./look.mjs";

/** Where the client of these tests asks. */
function authorize(redirect, more) {
  const query = new URLSearchParams({
    response_type: "code", client_id: "album", redirect_uri: redirect, scope: "openid profile email me",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256", ...more,
  });
  return `${base}/oauth/authorize?${query}`;
}

const HOST = "https://photos.acme.example/callback";
const DEVICE = `${base}/auth/signed-out`;

/** By the keyboard alone: goes to what is there, and presses it. */
async function press(page, selector) {
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((it) => document.activeElement.matches(it), selector)) {
      await page.keyboard.press("Enter");
      return;
    }
  }
  throw new Error(`the keyboard does not reach ${selector}`);
}

for (const { name, width, colorScheme, locale } of WAYS) {
  const viewport = { width, height: 900 };
  const options = { viewport, colorScheme, locale, extraHTTPHeaders: { "accept-language": locale } };
  await visit(options, async (page, faults) => {
    await page.goto(`${base}/auth/login`);
    await look(page, `login-${name}`);
    // The keyboard alone: the name has the focus, then come the password, the box and the button.
    await page.keyboard.type("root");
    await page.keyboard.press("Tab");
    await page.keyboard.type("wrong");
    await page.keyboard.press("Enter");
    const fault = page.getByRole("alert");
    await fault.waitFor();
    await look(page, `login-wrong-${name}`);
    expect("the name stays", await page.locator("#username").inputValue(), "root");
    expect("the password does not", await page.locator("#password").inputValue(), "");
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.type);
    expect("the focus", await focused(), "password");
    await page.keyboard.type("blue-heron-42");
    await page.keyboard.press("Tab");
    expect("the next one", await focused(), "checkbox");
    await page.keyboard.press("Tab");
    expect("the last one", await focused(), "submit");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/auth/account");

    // A client asks: which account, and what it may do.
    await page.goto(authorize(HOST, { prompt: "consent" }));
    await look(page, `consent-${name}`);
    await page.goto(authorize(DEVICE, { prompt: "select_account" }));
    await look(page, `choose-${name}`);
    await press(page, "a.primary");
    await page.locator("button[value=allow]").waitFor();
    await look(page, `consent-device-${name}`);
    await press(page, "button[value=allow]");
    await page.waitForURL(`${DEVICE}?*`);
    // The response that a page posts stays in sight where the client shows nothing else.
    await page.route(DEVICE, (route) => route.fulfill({ status: 204 }));
    await page.goto(authorize(DEVICE, { response_mode: "form_post" }));
    const sent = page.waitForResponse(DEVICE);
    await press(page, "button[value=allow]");
    expect("posted", (await sent).request().method(), "POST");
    await look(page, `form-post-${name}`);
    await page.unroute(DEVICE);

    await page.goto(`${base}/auth/account`);
    await look(page, `account-${name}`);
    // What is wrong is said, and what was typed stays.
    await page.locator("#email").fill("rosa@");
    await page.locator("#email").evaluate((field) => (field.type = "text"));
    await page.locator("#email").press("Enter");
    await page.getByRole("alert").waitFor();
    await look(page, `account-wrong-${name}`);
    expect("the address stays", await page.locator("#email").inputValue(), "rosa@");
    await page.locator("#old_password").fill("wrong");
    await page.locator("#new_password").fill("green-heron-43");
    await page.locator("#new_password").press("Enter");
    await page.locator("#password-fault").waitFor();
    await look(page, `account-password-${name}`);
    await page.locator("#old_password").fill("blue-heron-42");
    await page.locator("#new_password").fill("password");
    await page.locator("#new_password").press("Enter");
    await page.locator("#new_password[aria-invalid]").waitFor();
    await look(page, `account-new-password-${name}`);
    await page.locator("#key_name").fill(" ");
    await page.locator("form[action$='api-keys#keys'] button").click();
    await page.locator("#keys-fault").waitFor();
    await look(page, `account-key-wrong-${name}`);
    await press(page, "button[name=client_id]");
    await page.getByRole("status").waitFor();
    expect("apps with access", await page.locator("button[name=client_id]").count(), 0);
    await page.locator("#key_name").fill("nightly build");
    await page.locator("fieldset input").first().check();
    await page.locator("form[action$='api-keys#keys'] button").click();
    await page.locator("code").waitFor();
    await look(page, `account-key-${name}`);

    await page.goto(`${base}/oauth/logout`);
    await look(page, `sign-out-${name}`);
    await press(page, "form button.primary");
    await page.waitForURL("**/auth/signed-out");
    await look(page, `signed-out-${name}`);
    // Back is no dead end, and shows nobody's account.
    await page.goto(`${base}/auth/account`);
    await page.waitForURL("**/auth/login");
    await page.goto(`${base}/auth/login?flow=a&flow=b`);
    await look(page, `error-${name}`);
    // Chromium reports each page with a fault as one; here they are expected.
    faults.splice(0, faults.length, ...faults.filter((it) => !it.includes("status of 400")));
  });
}

// Twenty tabs at once, each with its own question: every one leads to its own answer.
await visit({ locale: "en" }, async (page) => {
  const tabs = [page];
  while (tabs.length < 20) tabs.push(await page.context().newPage());
  for (const [state, tab] of tabs.entries()) await tab.goto(authorize(DEVICE, { state }));
  for (const tab of tabs) {
    await tab.locator("#username").fill("root");
    await tab.locator("#password").fill("blue-heron-42");
    await tab.locator("button.primary").click();
    await tab.locator("button[value=allow]").waitFor();
  }
  for (const [state, tab] of tabs.entries()) {
    await tab.locator("button[value=allow]").click();
    await tab.waitForURL(`${DEVICE}?*`);
    expect("the answer", new URL(tab.url()).searchParams.get("state"), String(state));
  }
  // Back leads to the question, and to another answer.
  const codes = new Set([new URL(page.url()).searchParams.get("code")]);
  await page.goBack();
  await page.locator("button[value=allow]").click();
  await page.waitForURL(`${DEVICE}?*`);
  codes.add(new URL(page.url()).searchParams.get("code"));
  expect("codes", codes.size, 2);
  // Before it stood the login page: whoever is signed in goes on from there.
  await page.goBack();
  await page.goBack();
  await page.locator("button[value=allow]").waitFor();
});

// A client may ask where a form comes from: it is told the origin, and nothing else of the address.
const heard = [];
const client = createServer((request, response) => {
  heard.push(request);
  response.end("<!doctype html><title>The client</title>");
});
await new Promise((ready) => client.listen(0, "127.0.0.1", ready));
const callback = `http://localhost:${client.address().port}/cb`;
await visit({ locale: "en" }, async (page, faults) => {
  await page.goto(authorize(callback, { response_mode: "form_post", state: "s3cret" }));
  await page.locator("#username").fill("root");
  await page.locator("#password").fill("blue-heron-42");
  await page.locator("button.primary").click();
  await page.locator("button[value=allow]").click();
  await page.waitForURL(callback);
  const { method, headers } = heard.find(({ url }) => url === "/cb");
  expect("the method", method, "POST");
  expect("the origin", headers.origin, base);
  expect("the referrer", headers.referer, `${base}/`);
  faults.length = 0;
}, [callback]);
client.close();
