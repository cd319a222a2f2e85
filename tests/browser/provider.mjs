// A browser signs in at another server, links and unlinks there: each page narrow and wide, light and dark,
// without violations that axe-core finds. See look.mjs.

import { base, expect, visit } from "./browser.mjs";
import { WAYS, look } from "./look.mjs";

const provider = process.argv[3];
const TEXTS = {
  en: { go: "Continue with Corp", link: "Connect Corp", unlink: "Disconnect Corp" },
  ko: { go: "Corp 계정으로 계속하기", link: "Corp 연결", unlink: "Corp 연결 해제" },
};

/** Logs in at a login page. */
async function logIn(page, name) {
  await page.locator("#username").fill(name);
  await page.locator("#password").fill("blue-heron-42");
  await page.locator("#password").press("Enter");
}

for (const { name, width, colorScheme, locale } of WAYS) {
  const viewport = { width, height: 900 };
  const options = { viewport, colorScheme, locale, extraHTTPHeaders: { "accept-language": locale } };
  await visit(options, async (page, faults) => {
    const press = (role) => page.getByRole("button", { name: role });
    await page.goto(`${base}/auth/login`);
    await look(page, `provider-login-${name}`);
    // By keyboard: the buttons come after the form.
    await press(TEXTS[locale].go).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(`${provider}/auth/login**`);
    await logIn(page, "ann");
    await page.waitForURL(`${provider}/oauth/authorize**`);
    await page.locator("button[value=allow]").click();
    await page.waitForURL(`${base}/auth/account`);
    expect("the name", await page.locator("#full_name").inputValue(), "Ann Lee");
    await look(page, `provider-account-${name}`);
    // It is the only way in.
    await page.locator("form[action$='/auth/up/corp/unlink'] button").click();
    await page.getByRole("heading", { level: 1 }).waitFor();
    expect("the place", new URL(page.url()).pathname, "/auth/up/corp/unlink");
    await look(page, `provider-last-way-in-${name}`);

    // Somebody else cannot link it.
    await page.goto(`${base}/auth/account`);
    await page.locator("form.menu button").click();
    await page.waitForURL(`${base}/auth/login`);
    await logIn(page, "root");
    await page.waitForURL(`${base}/auth/account`);
    await look(page, `provider-unlinked-${name}`);
    await press(TEXTS[locale].link).click();
    await page.waitForURL(`${provider}/oauth/authorize**`);
    await page.locator("button[value=allow]").click();
    await page.waitForURL(`${base}/auth/up/corp/callback**`);
    await look(page, `provider-taken-${name}`);

    // One that is away.
    await page.goto(`${base}/auth/account`);
    await page.locator("form[action$='/auth/up/away'] button").click();
    await page.waitForURL(`${base}/auth/up/away`);
    await look(page, `provider-away-${name}`);
    // Chromium reports each page with a fault as one; here they are expected.
    faults.splice(0, faults.length, ...faults.filter((it) => !/status of (409|502)/.test(it)));
  }, [provider]);
}
