// The login and the account page in a real browser: narrow and wide, light and dark, by keyboard only,
// without violations that axe-core finds. With a folder, it leaves a picture of each there.

import { createRequire } from "node:module";
import { base, expect, visit } from "./browser.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const pictures = process.argv[3];

const WAYS = [
  { name: "390-light", width: 390, colorScheme: "light", locale: "en" },
  { name: "390-dark", width: 390, colorScheme: "dark", locale: "ko" },
  { name: "1440-light", width: 1440, colorScheme: "light", locale: "ko" },
  { name: "1440-dark", width: 1440, colorScheme: "dark", locale: "en" },
];

/** No violation of WCAG 2.2 AA or of good practice, nothing wider than the window; and a picture. */
async function look(page, name) {
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(`${name}: pixels beyond the window`, wide, 0);
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
    await look(page, `account-${name}`);
    await page.locator("#key_name").fill("nightly build");
    await page.locator("fieldset input").first().check();
    await page.locator("form[action$='api-keys#keys'] button").click();
    await page.locator("code").waitFor();
    await look(page, `account-key-${name}`);
    // Back is no dead end, and shows nobody's account once the session has ended.
    await page.goto(`${base}/auth/account`);
    await page.locator("form.menu button").click();
    await page.waitForURL("**/auth/login");
    await page.goBack();
    await page.waitForURL("**/auth/login");
    await page.goto(`${base}/auth/login?flow=a&flow=b`);
    await look(page, `error-${name}`);
    // Chromium reports each page with a fault as one; here they are expected.
    faults.splice(0, faults.length, ...faults.filter((it) => !it.includes("status of 400")));
  });
}
