// HTTP Basic: what the browser's own prompt sends opens the page; without it there is the 401.

import { base, expect, visit } from "./browser.mjs";

const url = `${base}/basic/users/me`;

const httpCredentials = { username: "johndoe", password: "1234", send: "unauthorized" };
await visit({ httpCredentials }, async (page) => {
  const answer = await page.goto(url);
  expect("with credentials", answer.status(), 200);
  if (!(await answer.text()).includes("johndoe")) throw new Error(await answer.text());
});

await visit({}, async (page, faults) => {
  // No user answers the prompt: headless Chromium shows the 401 itself.
  const answer = await page.goto(url).catch((error) => error);
  const refused = answer instanceof Error
    ? answer.message.includes("ERR_INVALID_AUTH_CREDENTIALS")
    : answer.status() === 401;
  if (!refused) throw new Error(`without credentials: ${answer}`);
  // Chromium reports the refused page as an error; here it is expected.
  faults.splice(0, faults.length, ...faults.filter((fault) => !fault.includes("401")));
});
