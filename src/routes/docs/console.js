// Starts Swagger UI with `options`, which stands above this text.
//
// Swagger UI's own dark colours, where the system is dark.
const darkness = matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", darkness.matches);
darkness.addEventListener("change", dress);
dress();

// Nothing that a user types outlives the page: Swagger UI's own `persistAuthorization` would write the
// password into localStorage. Only the token stays, in sessionStorage: for this tab, until it closes.

const KEPT = "bailiwick.tokens";

/** The tokens of this tab that have not expired, by the name of their security scheme. */
function keptTokens() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT)) ?? {};
    return Object.fromEntries(Object.entries(kept).filter(([, { until }]) => until > Date.now()));
  } catch {
    return {};
  }
}

function keep(tokens) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(tokens));
    // Versions before this one kept the password here.
    localStorage.removeItem("authorized");
  } catch {
    // Storage is blocked: the login lasts as long as the page.
  }
}

/** Keeps a token that was granted, and shows as chosen only the scopes that it carries. */
const authorizeOauth2 = (original) => (payload) => {
  const { auth, token, until = Date.now() + 1000 * (token.expires_in ?? 0) } = payload;
  if (typeof token.scope === "string") auth.scopes = token.scope.split(" ").filter(Boolean);
  const { access_token, token_type, scope } = token;
  const kept = { token: { access_token, token_type, scope }, until };
  keep({ ...keptTokens(), [auth.name]: kept });
  return original(payload);
};

const logout = (original) => (names) => {
  const tokens = keptTokens();
  for (const name of names) delete tokens[name];
  keep(tokens);
  return original(names);
};

/** In the dialog the login stands first, and the one by a password before the others. */
const rank = (scheme) =>
  scheme.get("type") !== "oauth2" ? 2 : scheme.get("flow") === "password" ? 0 : 1;
const definitionsToAuthorize = (original) => (...args) =>
  original(...args)?.sortBy((scheme) => rank(scheme.first()));

/** The dialog opens at its first field; Swagger UI would focus the last form, and scroll there. */
const showDefinitions = (original) => (shown) => {
  if (shown) setTimeout(() => document.querySelector(".modal-ux .auth-container input")?.focus());
  return original(shown);
};

/** The scopes that the token endpoint does not allow this user. */
function refusedScopes(response) {
  if (response.status !== 400) return [];
  try {
    const { error, error_description } = JSON.parse(response.data);
    const [, names] = /^Scope not allowed: (.+)$/.exec(error_description) ?? [];
    return error === "invalid_scope" && names ? names.split(" ") : [];
  } catch {
    return [];
  }
}

const logins = new Map();

/** Remembers a login of the dialog, which alone sends this header, to be able to repeat it. */
options.requestInterceptor = (request) => {
  if (request.headers?.["X-Requested-With"] && typeof request.body === "string") {
    request.body = withoutSecret(request.body);
    // The client of these pages is for the other flow; Swagger UI shows it to this one as well.
    const form = new URLSearchParams(request.body);
    if (options.clientId && form.get("grant_type") === "password") {
      form.delete("client_id");
      request.body = form.toString();
      delete request.headers.Authorization;
    }
    logins.set(new URL(request.url, location.href).href, request);
  }
  return request;
};

/** Logs in once more without the scopes that the user does not hold: "select all" ticks every one. */
options.responseInterceptor = async (response) => {
  const request = logins.get(response.url);
  if (!request) return response;
  logins.delete(response.url);
  const refused = refusedScopes(response);
  if (refused.length === 0) return response;
  const form = new URLSearchParams(request.body);
  const asked = (form.get("scope") ?? "").split(" ");
  form.set("scope", asked.filter((scope) => !refused.includes(scope)).join(" "));
  const { headers } = request;
  const again = await fetch(request.url, { method: "POST", headers, body: form.toString() });
  const data = await again.text();
  const { ok, status, statusText, url } = again;
  return { ...response, ok, status, statusText, url, data, text: data };
};

options.presets = [SwaggerUIBundle.presets.apis];
options.plugins = [
  {
    statePlugins: {
      auth: {
        wrapActions: { authorizeOauth2, authPopup, logout, showDefinitions },
        wrapSelectors: { definitionsToAuthorize },
      },
    },
  },
];
options.onComplete = () => {
  keep(keptTokens());
  for (const [name, { token, until }] of Object.entries(keptTokens())) {
    window.ui.authActions.authorizeOauth2({ auth: { name }, token, until });
  }
};
window.ui = SwaggerUIBundle(options);
if (options.issuer) {
  window.ui.initOAuth({ clientId: options.clientId, usePkceWithAuthorizationCodeGrant: true });
}
