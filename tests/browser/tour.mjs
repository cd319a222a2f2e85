// README's tour of the demo, in a browser: johndoe signs in, sees the own account, and signs out.

import { base, expect, visit } from "./browser.mjs";

await visit({ locale: "en" }, async (page) => {
  await page.goto(`${base}/auth/account`);
  await page.waitForURL("**/auth/login");
  await page.locator("#username").fill("johndoe");
  await page.locator("#password").fill("1234");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/auth/account");
  const profile = await page.getByRole("main").innerText();
  for (const text of ["johndoe", "This device"]) {
    expect(`${text} is shown`, profile.includes(text), true);
  }
  expect("the name", await page.locator("#full_name").inputValue(), "John Doe");
  expect("the address", await page.locator("#email").inputValue(), "johndoe@example.com");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/auth/login");
  await page.goto(`${base}/auth/account`);
  await page.waitForURL("**/auth/login");
});
