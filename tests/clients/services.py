"""Services get tokens of their own. Arguments: the server's address, and the secret of the client `svc`.

The client `signer` has the public half of the key that is made here, in `jwks.json` of this folder."""

import os
import sys
import time
from pathlib import Path

import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from oauthlib.oauth2 import BackendApplicationClient
from joserfc.jwk import ECKey
from jwskate import Jwk
from requests_oauth2client import OAuth2Client, PrivateKeyJwt
from requests_oauthlib import OAuth2Session

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
base, secret, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
token_endpoint = f"{base}/token"
key = (folder / "key.pem").read_text()


def ends(token):
    """Whoever holds it ends it."""
    assert token["token_type"].lower() == "bearer" and token["scope"] in ("items", ["items"]), token
    answer = requests.post(f"{base}/oauth/revoke", data={"token": token["access_token"]}, timeout=20)
    assert answer.status_code == 200, answer.text


session = OAuth2Session(client=BackendApplicationClient("svc"))
ends(session.fetch_token(token_endpoint, client_id="svc", client_secret=secret, scope="items"))

for method in ["client_secret_basic", "client_secret_post"]:
    with AuthlibSession("svc", secret, token_endpoint_auth_method=method) as session:
        ends(session.fetch_token(token_endpoint, grant_type="client_credentials", scope="items"))

# It names the token endpoint as the audience, and its assertions live for an hour unless told otherwise.
mine = ECKey.import_key(key)
with AuthlibSession("signer", mine, token_endpoint_auth_method="private_key_jwt") as session:
    claims = {"exp": int(time.time()) + 300}
    session.register_client_auth_method(PrivateKeyJWT(token_endpoint, claims=claims, alg="ES256"))
    ends(session.fetch_token(token_endpoint, grant_type="client_credentials", scope="items"))

client = OAuth2Client(token_endpoint, client_id="svc", client_secret=secret, testing=True)
ends(client.client_credentials(scope="items").as_dict())

private = Jwk.from_pem(key).with_kid_thumbprint()
private["alg"] = "ES256"
client = OAuth2Client(token_endpoint, auth=PrivateKeyJwt("signer", private), testing=True)
ends(client.client_credentials(scope="items").as_dict())
