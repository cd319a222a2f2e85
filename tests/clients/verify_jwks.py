"""Verifies an access token as another service does: with the published keys, by PyJWT and Authlib.

Usage: verify_jwks.py SERVER ISSUER TOKEN
"""

import json
import sys
import urllib.request

import jwt
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc import jwt as joserfc
from joserfc.jwk import KeySet

server, issuer, token = sys.argv[1:]
jwks = f"{server}/oauth/jwks"


def refused(verify, *args):
    try:
        verify(*args)
    except Exception:  # noqa: BLE001, any of either library's
        return True
    return False


def by_pyjwt(token, audience=issuer):
    key = jwt.PyJWKClient(jwks).get_signing_key_from_jwt(token)
    algorithms = [key.algorithm_name]
    return jwt.decode(token, key, algorithms=algorithms, audience=audience, issuer=issuer)


class Validator(JWTBearerTokenValidator):
    def get_jwks(self):
        with urllib.request.urlopen(jwks) as response:
            return KeySet.import_key_set(json.load(response))


def by_authlib(token, audience=issuer):
    if jwt.get_unverified_header(token)["alg"] != "EdDSA":
        validator = Validator(issuer=issuer, resource_server=audience)
        claims = validator.authenticate_token(token)
        validator.validate_token(claims, ["me"], None)
        return claims
    # Authlib's validator refuses this name of Ed25519; its library takes it where it is listed.
    validator = Validator(issuer=issuer, resource_server=audience)
    claims = joserfc.decode(token, validator.get_jwks(), algorithms=["EdDSA"]).claims
    rule = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": audience}}
    joserfc.JWTClaimsRegistry(**rule).validate(claims)
    return claims


head, claims, signature = token.split(".")
tampered = ".".join([head, claims, signature[:-8] + "AAAAAAAA"])
for verify in [by_pyjwt, by_authlib]:
    found = verify(token)
    assert found and found["username"] == "johndoe" and found["scope"] == "me", found
    for other in [(tampered,), (token, "https://other.example")]:
        assert refused(verify, *other) or not verify(*other), (verify, other)
