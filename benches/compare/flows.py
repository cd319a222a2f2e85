"""Sign-ins with a client by a browser that is logged in: authorize, code, token, userinfo."""
import base64
import hashlib
import http.client
import json
import queue
import re
import secrets
import statistics
import threading
import time
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import report
import servers
from data import SECRET
from endpoints import ISSUER, client
from load import FORM

FLOWS = 1000
CONNECTIONS = 8
REDIRECT = "https://app.example.com/cb"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
READY = "/.well-known/openid-configuration"


def asked(connection, method, path, headers, status, form=None):
    """The response's headers and body; it must have this status."""
    body = urlencode(form) if form else None
    connection.request(method, path, body, {**headers, **(FORM if form else {})})
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != status:
        raise SystemExit(f"{method} {path}: {answer.status} {text}")
    return answer.headers, text


class Flow:
    """The client, and the browser in which johndoe is logged in."""

    def __init__(self, port, name, secret):
        self.port, self.name, self.secret = port, name, secret
        self.cookies = {}
        connection = self.connect()
        headers, page = asked(connection, "GET", "/auth/login", self.browser(), 200)
        self.keep(headers)
        value = lambda pattern: unescape(re.search(pattern, page)[1])
        form = {"form_token": value('name="form_token" value="([^"]*)"'), "username": "johndoe", "password": "1234"}
        action = value('<form method="post" action="([^"]*)"')
        browser = {**self.browser(), "Sec-Fetch-Site": "same-origin"}
        self.keep(asked(connection, "POST", action, browser, 303, form)[0])
        query = {
            "client_id": name, "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid profile",
            "state": "s", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        }
        self.request = f"/oauth/authorize?{urlencode(query)}"

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def keep(self, headers):
        pairs = (line.split(";")[0].split("=", 1) for line in headers.get_all("Set-Cookie", []))
        self.cookies.update(pairs)

    def browser(self):
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        # Elsewhere, pages lead to the public address.
        return {"Host": urlsplit(ISSUER).netloc, **({"Cookie": cookies} if cookies else {})}

    def authorize(self, connection, _):
        """The code for a request of the client."""
        headers, _ = asked(connection, "GET", self.request, self.browser(), 303)
        return parse_qs(urlsplit(headers["Location"]).query)["code"][0]

    def redeem(self, connection, code):
        """The access token for a code."""
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER, "client_id": self.name, "client_secret": self.secret,
        }
        return json.loads(asked(connection, "POST", "/token", {}, 200, form)[1])["access_token"]

    def userinfo(self, connection, token):
        """The name of the user of a token."""
        bearer = {"Authorization": f"Bearer {token}"}
        told = asked(connection, "GET", "/oauth/userinfo", bearer, 200)[1]
        return json.loads(told)["preferred_username"]

    def whole(self, connection, _):
        """All of it."""
        return self.userinfo(connection, self.redeem(connection, self.authorize(connection, None)))

    def run(self, step, inputs):
        """What a step makes of each input, on several connections, its milliseconds, and seconds in all."""
        waiting, results = queue.SimpleQueue(), []
        for one in inputs:
            waiting.put(one)

        def work():
            connection = self.connect()
            while True:
                try:
                    one = waiting.get_nowait()
                except queue.Empty:
                    return
                begun = time.perf_counter()
                made = step(connection, one)
                results.append((made, (time.perf_counter() - begun) * 1e3))

        threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed = time.perf_counter() - begun
        return [made for made, _ in results], [milliseconds for _, milliseconds in results], elapsed


def sign_ins(bench, folder, database, settings, count=FLOWS):
    """Each step by itself, then whole flows, on `database`."""
    settings = {**settings, "SERVER__PUBLIC_URL": ISSUER, "TOKENS__SECRET": SECRET}
    name = f"web-{secrets.token_hex(4)}"
    secret = client(settings, name, "--redirect-uri", REDIRECT, "--scope", "me", "--skip-consent")
    with servers.bailiwick(folder, SECRET, name=f"sign-ins, {database}", **settings) as server:
        # The first key of RSA is made meanwhile.
        server.wait(READY, status=200)
        flow = Flow(server.port, name, secret)
        flow.whole(flow.connect(), None)
        made = [None] * count
        for case, step in [
            (report.AUTHORIZE, flow.authorize), (report.REDEEM, flow.redeem), (report.USERINFO, flow.userinfo),
            (report.FLOW, flow.whole),
        ]:
            before = server.cpu()
            inputs = [None] * count if case == report.FLOW else made
            made, times, elapsed = flow.run(step, inputs)
            micros = (server.cpu() - before) * 1e6 / count
            p99 = statistics.quantiles(times, n=100)[98]
            bench.add(
                case, database, rate=len(made) / elapsed, p50=statistics.median(times), p99=p99, cpu=micros,
                broken=count - len(made),
            )
        if set(made) != {"johndoe"}:
            raise SystemExit(f"somebody else signed in: {set(made)}")
