"""requests-oauthlib and authlib renew a token that has expired, by themselves. Argument: the server's
address."""

import os
import sys
import time

from authlib.integrations.requests_client import OAuth2Session as Authlib
from oauthlib.oauth2 import InvalidGrantError, LegacyApplicationClient
from requests_oauthlib import OAuth2Session

base = sys.argv[1]
# The test's server speaks http on loopback.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
token_url = f"{base}/token"
password = {"username": "johndoe", "password": "1234"}


def expired(token):
    return {**token, "expires_at": time.time() - 10, "expires_in": -10}


def call(session):
    answer = session.get(f"{base}/users/me/items")
    assert answer.status_code == 200, (answer.status_code, answer.text)
    assert answer.json()[0]["owner"] == "johndoe", answer.text


kept = []
session = OAuth2Session(
    client=LegacyApplicationClient(client_id="test", scope=["me", "items"]),
    auto_refresh_url=token_url,
    auto_refresh_kwargs={"client_id": "test"},
    token_updater=kept.append,
)
first = session.fetch_token(token_url, **password)
for renewals in range(1, 4):
    session.token = expired(session.token)
    call(session)
    assert len(kept) == renewals, kept
refresh_tokens = {token["refresh_token"] for token in [first, *kept]}
assert len(refresh_tokens) == 4, refresh_tokens
try:
    session.refresh_token(token_url, refresh_token=first["refresh_token"])
except InvalidGrantError:
    pass
else:
    raise SystemExit("a token from long ago was taken")

for client in [{"client_id": "test"}, {"client_id": "test", "client_secret": "secret"}]:
    kept = []
    with Authlib(
        **client,
        scope="me items",
        token_endpoint=token_url,
        update_token=lambda token, **before: kept.append((token, before)),
    ) as session:
        session.fetch_token(token_url, **password)
        for renewals in range(1, 4):
            session.token = expired(session.token)
            call(session)
            assert len(kept) == renewals, kept
