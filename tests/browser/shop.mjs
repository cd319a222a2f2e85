// The static page of examples/orders logs in, lists orders and places one. Arguments: the address, a user of the
// shop and the password. See look.mjs.

import { base, expect, visit } from "./browser.mjs";
import { WAYS, look } from "./look.mjs";

const [username, password] = process.argv.slice(3);

for (const { name, width, colorScheme } of WAYS) {
  await visit({ viewport: { width, height: 900 }, colorScheme }, async (page, faults) => {
    await page.goto(`${base}/web/index.html`);
    await look(page, `shop-login-${name}`, { banners: 0 });
    const said = page.getByRole("status");
    const logIn = async (secret) => {
      await page.getByLabel("Name").fill(username);
      await page.getByLabel("Password").fill(secret);
      await page.getByRole("button", { name: "Log in" }).click();
    };
    await logIn("wrong");
    await page.getByText("Incorrect username or password").waitFor();
    await logIn(password);
    const order = async (item, quantity) => {
      await page.getByLabel("Article").fill(item);
      await page.getByLabel("How many").fill(String(quantity));
      await page.getByRole("button", { name: "Order" }).click();
    };
    await order(`Pens ${name}`, 3);
    await page.getByText(`3 Pens ${name}`, { exact: true }).waitFor();
    expect("no fault", await said.innerText(), "");
    await order(`Pens ${name}`, 100);
    await page.getByText("Nobody gets more than 99 of one article").waitFor();
    await look(page, `shop-${name}`, { banners: 0 });
    // The browser tells of the two refusals, which are meant to be.
    const refusals = faults.splice(0).map((fault) => fault.match(/status of (\d+)/)?.[1]);
    expect("refusals", refusals.join(), "400,409");
  });
}
