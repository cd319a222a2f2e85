"""Signs somebody in with authlib, as an application on the user's own machine does. Beside it:

    python3 -m venv .venv && .venv/bin/python -m pip install authlib httpx

Arguments: the server's URL and the client's id; CLIENT_SECRET has its secret, if it has one.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client

url, client_id = (sys.argv[1:] + ["http://127.0.0.1:8000", "demo"][len(sys.argv) - 1 :])[:2]
secret = os.environ.get("CLIENT_SECRET")
server = httpx.get(f"{url}/.well-known/openid-configuration").json()
client = OAuth2Client(
    client_id,
    secret,
    token_endpoint_auth_method="client_secret_basic" if secret else "none",
    redirect_uri="http://127.0.0.1:7777/callback",
    scope="openid profile email",
    code_challenge_method="S256",
)
verifier = generate_token(64)
question, state = client.create_authorization_url(server["authorization_endpoint"], code_verifier=verifier)


class Callback(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.answer = f"http://127.0.0.1:7777{self.path}"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"You are signed in.\n")

    def log_message(self, *arguments):
        """Says nothing: the address has the code."""


with HTTPServer(("127.0.0.1", 7777), Callback) as listener:
    print(f"Open in a browser: {question}", flush=True)
    listener.handle_request()
client.fetch_token(
    server["token_endpoint"], authorization_response=listener.answer, state=state, code_verifier=verifier
)
user = client.get(server["userinfo_endpoint"]).json()
print(f"Signed in: {user['preferred_username']}, {user['name']}, {user['email']}")
