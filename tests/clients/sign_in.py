"""authlib signs in johndoe: arguments are the server's address and the secret of the client `web`."""

import sys

import httpx
from authlib.integrations.httpx_client import OAuth2Client
from authlib.jose import JsonWebKey, jwt

from browser import Browser

base, secret = sys.argv[1:]
callback = "http://127.0.0.1:1/cb"
found = httpx.get(f"{base}/.well-known/openid-configuration").json()


for name, key, method in [
    ("web", secret, "client_secret_basic"),
    ("web", secret, "client_secret_post"),
    ("spa", None, "none"),
]:
    client = OAuth2Client(
        name,
        key,
        token_endpoint_auth_method=method,
        scope="openid profile me",
        redirect_uri=callback,
        code_challenge_method="S256",
    )
    verifier = "v" * 60
    url, state = client.create_authorization_url(
        found["authorization_endpoint"], code_verifier=verifier, nonce="n-1"
    )
    token = client.fetch_token(
        found["token_endpoint"], authorization_response=Browser().open(url, callback), state=state, code_verifier=verifier
    )
    keys = JsonWebKey.import_key_set(httpx.get(found["jwks_uri"]).json())
    rules = {
        "iss": {"essential": True, "value": base},
        "aud": {"essential": True, "value": name},
        "nonce": {"essential": True, "value": "n-1"},
    }
    claims = jwt.decode(token["id_token"], keys, claims_options=rules)
    claims.validate()
    info = client.get(found["userinfo_endpoint"]).json()
    assert (info["sub"], info["preferred_username"]) == (claims["sub"], "johndoe"), info
    renewed = client.refresh_token(found["token_endpoint"])
    assert renewed["access_token"] != token["access_token"]
