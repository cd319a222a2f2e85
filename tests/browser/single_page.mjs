// A single-page application with oidc-client-ts, at an origin of its own, signs in johndoe. Arguments: the server's
// address, the application's, and the files of a certificate and its key, which names neither.

import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { base, expect, visit } from "./browser.mjs";

const [, , , app, certificate, key] = process.argv;
const library = new URL("../clients/node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js", import.meta.url);

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>App</title><link rel="icon" href="data:,">
<button id="in">Sign in</button><button id="out">Sign out</button><output></output>
<script src="/oidc-client-ts.js"></script><script src="/app.js"></script></html>`;

// What its README shows.
const APP = `
const here = location.origin + '/';
const manager = new oidc.UserManager({
  authority: ${JSON.stringify(base)},
  client_id: 'spa',
  redirect_uri: here,
  silent_redirect_uri: here + 'silent',
  post_logout_redirect_uri: here,
  scope: 'openid profile me',
  loadUserInfo: true,
  automaticSilentRenew: false,
});
const show = (text) => { document.querySelector('output').textContent = text; };
document.querySelector('#in').onclick = () => manager.signinRedirect({ state: 'kept' }).catch(show);
document.querySelector('#out').onclick = () => manager.signoutRedirect({ state: 'bye' }).catch(show);
async function start() {
  const query = new URLSearchParams(location.search);
  if (query.has('code')) {
    const user = await manager.signinCallback();
    history.replaceState(null, '', '/');
    show('Hello ' + user.profile.preferred_username + ', ' + user.state);
  } else if (query.has('state')) {
    const answer = await manager.signoutCallback();
    history.replaceState(null, '', '/');
    show('Goodbye, ' + answer.userState);
  } else {
    show('Nobody');
  }
}
if (location.pathname === '/silent') manager.signinSilentCallback();
else start().catch(show);
`;

const files = { "/oidc-client-ts.js": [readFileSync(library), "text/javascript"], "/app.js": [APP, "text/javascript"] };
const options = { cert: readFileSync(certificate), key: readFileSync(key) };
const server = createServer(options, (request, response) => {
  const [content, type] = files[request.url.split("?")[0]] ?? [PAGE, "text/html"];
  response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(content);
});
await new Promise((ready) => server.listen(new URL(app).port, "127.0.0.1", ready));

const elsewhere = app.replace("app.", "elsewhere.");

async function shown(page, text) {
  await page.locator("output", { hasText: text }).waitFor();
}

async function logIn(page) {
  await page.locator("#username").fill("johndoe");
  await page.locator("#password").fill("1234");
  await page.locator("#password").press("Enter");
}

/** What the page's own script sees of a request. */
function seen(page, path, init) {
  const ask = ([url, init]) =>
    fetch(url, init).then(
      (response) => response.status,
      (error) => error.name,
    );
  return page.evaluate(ask, [`${base}${path}`, init]);
}

const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } });
const form = (fields) => ({ method: "POST", body: new URLSearchParams(fields).toString(), headers: { "content-type": "application/x-www-form-urlencoded" } });

await visit(
  { ignoreHTTPSErrors: true },
  async (page, faults) => {
    await page.goto(app);
    await shown(page, "Nobody");
    await page.locator("#in").click();
    await logIn(page);
    await page.locator("button[value=allow]").click();
    await shown(page, "Hello johndoe, kept");

    const user = () => page.evaluate(() => manager.getUser().then((it) => it.toStorageString())).then(JSON.parse);
    const first = await user();
    expect("the client", first.profile.aud, "spa");
    expect("refresh token", typeof first.refresh_token, "string");
    await page.evaluate(() => manager.signinSilent().then(() => {}));
    const second = await user();
    expect("another token", second.access_token !== first.access_token, true);
    expect("the user", second.profile.sub, first.profile.sub);
    expect("userinfo", await seen(page, "/oauth/userinfo", bearer(second.access_token)), 200);

    // Without a refresh token: by a frame, which shows no page.
    await page.evaluate(async () => {
      const user = await manager.getUser();
      user.refresh_token = undefined;
      await manager.storeUser(user);
      await manager.signinSilent();
    });
    const third = await user();
    expect("another token", third.access_token !== second.access_token, true);

    await page.evaluate(() => manager.revokeTokens(["access_token", "refresh_token"]));
    const ended = async () => (await seen(page, "/oauth/userinfo", bearer(third.access_token))) === 401;
    const deadline = Date.now() + 20_000;
    while (!(await ended())) expect("in time", Date.now() < deadline, true);
    expect("a refusal can be read", await seen(page, "/token", form({ grant_type: "refresh_token", client_id: "spa", refresh_token: "x" })), 400);

    // The session of the browser is still there: no login.
    await page.locator("#in").click();
    await shown(page, "Hello johndoe, kept");
    await page.locator("#out").click();
    await shown(page, "Goodbye, bye");
    const silent = await page.evaluate(() => manager.signinSilent().then(() => "in", (error) => error.error));
    expect("after the logout", silent, "login_required");
    await page.locator("#in").click();
    await page.locator("#username").waitFor();

    // Pages of nobody's client read what is public only.
    faults.length = 0;
    const { access_token } = await (async () => {
      await logIn(page);
      await shown(page, "Hello johndoe");
      return user();
    })();
    await page.goto(elsewhere);
    expect("discovery", await seen(page, "/.well-known/openid-configuration"), 200);
    expect("keys", await seen(page, "/oauth/jwks", { headers: { "x-version": "1" } }), 200);
    expect("userinfo", await seen(page, "/oauth/userinfo", bearer(access_token)), "TypeError");
    expect("tokens", await seen(page, "/token", form({ username: "johndoe", password: "1234" })), "TypeError");
    faults.length = 0;
  },
  [app, elsewhere, base],
);
server.close();
server.closeAllConnections();
