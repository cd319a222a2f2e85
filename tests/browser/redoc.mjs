// /redoc: the reference shows the document's routes.

import { base, visit } from "./browser.mjs";

await visit({}, async (page) => {
  await page.goto(`${base}/redoc`);
  for (const text of ["/users/me/items", "/token"]) {
    await page.getByText(text).first().waitFor();
  }
});
