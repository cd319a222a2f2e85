// Signs in by the authorization code flow, in a window of its own (RFC 6749 §4.1, RFC 7636, RFC 9207).
//
// Swagger UI makes the request and redeems the code; its own way back takes a `state` that anybody can guess,
// and only warns when another one comes back. Here the window tells all pages of this server what it was
// sent, and the page that has asked knows its answer by `state`. Nothing is stored.

const signIns = new Map();
const signInChannel = new BroadcastChannel("bailiwick.sign-in");

const random = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Opens the window; what Swagger UI made of the request is `address`. */
const authPopup = () => (address, { auth, redirectUrl, callback, errCb }) => {
  const fail = (message) => errCb({ authId: auth.name, source: "auth", level: "error", message });
  const home = new URL(redirectUrl);
  if (home.origin !== location.origin) {
    return fail(`Open ${home.href.replace(/\/oauth2-redirect$/, "")}: only there people sign in.`);
  }
  const url = new URL(address, location.href);
  const state = random();
  url.searchParams.set("state", state);
  // Without any scope, a client would get all that there are.
  if (!url.searchParams.get("scope")) url.searchParams.set("scope", "openid");
  const issuer = options.issuer && address.startsWith(`${options.issuer}/`) ? options.issuer : null;
  const taken = (answer) => {
    if (issuer && answer.get("iss") !== issuer) return fail("The answer is from another server.");
    const [code, error, about] = ["code", "error", "error_description"].map((name) => answer.get(name));
    if (code) return callback({ auth: { ...auth, code }, redirectUrl });
    return fail([error ?? "no code", about].filter(Boolean).join(": "));
  };
  if (!window.open(url)) return fail("The browser does not let this page open a window.");
  signIns.set(state, taken);
};

signInChannel.onmessage = ({ data: { answer } }) => {
  if (typeof answer !== "string") return;
  const parameters = new URLSearchParams(answer);
  const state = parameters.get("state");
  const taken = signIns.get(state);
  // Another page has asked, or nobody.
  if (!taken) return;
  signIns.delete(state);
  signInChannel.postMessage({ taken: state });
  taken(parameters);
};

/** A page without a secret shows none (RFC 6749 §2.1). */
function withoutSecret(body) {
  const form = new URLSearchParams(body);
  if (form.get("grant_type") === "authorization_code" && !form.get("client_secret")) {
    form.delete("client_secret");
  }
  return form.toString();
}
