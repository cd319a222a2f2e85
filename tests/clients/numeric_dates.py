"""How PyJWT and python-jose treat the numbers in exp, nbf and iat.

Arguments: the time in whole seconds, the signing secret. Prints a JSON list of tokens that PyJWT
signed, and whether each library accepts them a quarter of a second after that time.
"""

import datetime
import json
import sys

import jose.jwt
import jwt

NOW, SECRET = int(sys.argv[1]), sys.argv[2]


class Frozen(datetime.datetime):
    """A clock that is stopped."""

    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW + 0.25, tz)


jwt.api_jwt.datetime = jose.jwt.datetime = Frozen


def accepts(decode, token):
    try:
        decode(token, SECRET, algorithms=["HS256"])
    # python-jose lets the OverflowError of an infinite number through.
    except (jwt.PyJWTError, jose.JWTError, OverflowError):
        return False
    return True


NEAR = [-1, -0.75, -0.5, -0.25, 0, 0.125, 0.25, 0.5, 0.75, 0.9990234375, 1, 1.5, 2]
FAR = [-1e308, -(2**64), -(2**63), -1.5, -1, -0.5, -0.0, 0, 0.5, 1e9, 2**53 + 1, 2**63, 2**64, 1e300]
NO_NUMBERS = [float("nan"), float("inf"), float("-inf")]

cases = []
for name in ["exp", "nbf", "iat"]:
    for value in [NOW + offset for offset in NEAR] + FAR + NO_NUMBERS:
        claims = {"sub": "bob", "scopes": ["me"], "exp": NOW + 600} | {name: value}
        token = jwt.encode(claims, SECRET, algorithm="HS256")
        cases.append(
            {
                "claim": f"{name} = {value!r}",
                "token": token,
                "pyjwt": accepts(jwt.decode, token),
                "jose": accepts(jose.jwt.decode, token),
            }
        )
print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")
