// The login and the account page in a real browser: narrow and wide, light and dark, by keyboard only,
// without violations that axe-core finds. See look.mjs.

import { base, expect, visit } from "./browser.mjs";
import { WAYS, look } from "./look.mjs";

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
