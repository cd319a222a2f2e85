"""authlib logs in by password grant and calls. Argument: the server's address."""

import sys

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

base = sys.argv[1]

# With a secret, authlib sends it by HTTP Basic; the server has no clients and must not mind.
for client in [{"client_id": "test"}, {"client_id": "test", "client_secret": "secret"}]:
    with OAuth2Session(**client, scope="me items") as session:
        session.fetch_token(f"{base}/token", username="johndoe", password="1234")
        answer = session.get(f"{base}/users/me/items")
        assert answer.status_code == 200, (answer.status_code, answer.text)
        assert answer.json()[0]["owner"] == "johndoe", answer.text

try:
    with OAuth2Session("test") as session:
        session.fetch_token(f"{base}/token", username="johndoe", password="wrong")
except OAuthError as error:
    assert error.error == "invalid_grant", error
else:
    raise SystemExit("a wrong password was accepted")
