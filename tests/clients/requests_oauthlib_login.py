"""requests-oauthlib logs in by password grant and calls. Argument: the server's address."""

import os
import sys

from oauthlib.oauth2 import InvalidGrantError, InvalidScopeError, LegacyApplicationClient
from requests_oauthlib import OAuth2Session

base = sys.argv[1]
# The test's server speaks http on loopback.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"


def log_in(password, scope):
    session = OAuth2Session(client=LegacyApplicationClient(client_id="test", scope=scope))
    session.fetch_token(f"{base}/token", username="johndoe", password=password)
    return session


session = log_in("1234", ["me", "items"])
assert session.token["token_type"] == "bearer", session.token
answer = session.get(f"{base}/users/me/items")
assert answer.status_code == 200, (answer.status_code, answer.text)
assert answer.json()[0]["owner"] == "johndoe", answer.text

# oauthlib compares the granted scopes with the requested ones, even if there are none.
assert "scope" not in log_in("1234", None).token

for password, scope, expected in [
    ("wrong", ["me"], InvalidGrantError),
    ("1234", ["users:write"], InvalidScopeError),
]:
    try:
        log_in(password, scope)
    except expected:
        continue
    raise SystemExit(f"{expected.__name__} was not raised")
