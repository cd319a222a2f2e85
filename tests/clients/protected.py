"""authlib's resource protector asks the server about each token (RFC 7662). Arguments: the server's
address, and the secret of the client `api`."""

import sys

import requests
from authlib.oauth2.rfc6749 import ResourceProtector
from authlib.oauth2.rfc6750.errors import InsufficientScopeError, InvalidTokenError
from authlib.oauth2.rfc7662 import IntrospectTokenValidator

base, secret = sys.argv[1:]


class Introspection(IntrospectTokenValidator):
    def introspect_token(self, token_string):
        form = {"token": token_string, "token_type_hint": "access_token"}
        answer = requests.post(f"{base}/oauth/introspect", data=form, auth=("api", secret), timeout=20)
        answer.raise_for_status()
        return answer.json()


class Request:
    """What authlib reads of a web framework's request."""

    def __init__(self, token):
        self.headers = {"Authorization": f"Bearer {token}"}


protect = ResourceProtector()
protect.register_token_validator(Introspection())
form = {"username": "johndoe", "password": "1234", "scope": "items"}
answer = requests.post(f"{base}/token", data=form, timeout=20)
token = answer.json()["access_token"]

shown = protect.validate_request(["items"], Request(token))
assert shown["username"] == "johndoe" and shown["active"] is True, shown
for needed, presented, error in [
    (["items me"], token, InsufficientScopeError),
    (["items"], f"{token}x", InvalidTokenError),
]:
    try:
        protect.validate_request(needed, Request(presented))
    except error:
        continue
    raise SystemExit(f"{error.__name__} was expected")

requests.post(f"{base}/oauth/revoke", data={"token": token}, timeout=20).raise_for_status()
try:
    protect.validate_request(["items"], Request(token))
except InvalidTokenError:
    pass
else:
    raise SystemExit("a token that was ended was taken")
