// Signs somebody in with openid-client, as an application on the user's own machine does. Beside it:
//     npm install openid-client
// Arguments: the server's URL and the client's id; CLIENT_SECRET has its secret, if it has one.
import { once } from "node:events";
import { createServer } from "node:http";
import * as client from "openid-client";

const [url = "http://127.0.0.1:8000", id = "demo"] = process.argv.slice(2);
const redirect_uri = "http://127.0.0.1:7777/callback";
// http is for a server on this machine.
const options = url.startsWith("http:") ? { execute: [client.allowInsecureRequests] } : {};
const auth = process.env.CLIENT_SECRET ? client.ClientSecretBasic(process.env.CLIENT_SECRET) : client.None();
const server = await client.discovery(new URL(url), id, {}, auth, options);

const verifier = client.randomPKCECodeVerifier();
const [state, nonce] = [client.randomState(), client.randomNonce()];
const question = client.buildAuthorizationUrl(server, {
  redirect_uri, state, nonce, scope: "openid profile email",
  code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
});
const listener = createServer().listen(7777, "127.0.0.1");
await once(listener, "listening");
console.log(`Open in a browser: ${question}`);
const [request, response] = await once(listener, "request");
response.writeHead(200, { connection: "close" }).end("You are signed in.\n");
listener.close();

const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
const tokens = await client.authorizationCodeGrant(server, new URL(request.url, redirect_uri), checks);
const user = await client.fetchUserInfo(server, tokens.access_token, tokens.claims().sub);
console.log(`Signed in: ${user.preferred_username}, ${user.name}, ${user.email}`);
