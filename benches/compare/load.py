"""Load on 127.0.0.1, bounded in time and count: wrk for reads, threads of our own for logins."""
import http.client
import json
import selectors
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LOGIN = "username=johndoe&password=1234&scope=me+items"
GUESS = "username=user0000001&password=wrong&scope=me+items"
INVALID = "username=user0000001&password=&scope=me+items+others"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Reads:
    """What wrk counted; times in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    refused: int
    broken: int

    @property
    def rate(self):
        return self.requests / self.seconds


def reads(port, path, tokens=None, connections=32, seconds=1, passed=0, form=None, renewed=None, body=None):
    """wrk's figures after `seconds`; `tokens` is a file with one per line, of which `passed` are skipped.

    With a `form`, it is posted instead; the refresh tokens of the file `renewed` are renewed again and again;
    the JSON in the file `body` is posted with the first token.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    command += ["-s", str(HERE / "wrk.lua"), f"http://127.0.0.1:{port}{path}", "--"]
    command += ["--json", str(body)] if body else []
    command += [str(tokens), str(passed)] if tokens else []
    command += ["--form", form] if form else []
    command += ["--renew", str(renewed)] if renewed else []
    wrk = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    lines = [line for line in wrk.stdout.splitlines() if line.startswith("figures ")]
    if wrk.returncode or not lines:
        raise SystemExit(f"wrk failed:\n{wrk.stdout}")
    requests, micros, p50, p99, refused, broken = map(int, lines[0].split()[1:])
    if not requests:  # All have waited for longer than wrk ran.
        p50 = p99 = micros
    return Reads(requests, micros / 1e6, p50 / 1e3, p99 / 1e3, refused, broken)


def logged_in(port):
    """The response to a login."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/token", LOGIN, FORM)
    return json.load(connection.getresponse())


def use_up(port, form):
    """Logs in with a wrong password until that is refused without a look at it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(100):
        connection.request("POST", "/token", form, FORM)
        answer = connection.getresponse()
        answer.read()
        if answer.status == 429:
            return
    raise SystemExit("a hundred wrong passwords, and none was refused")


def log_in(connection):
    """One login on a connection; its status."""
    connection.request("POST", "/token", LOGIN, FORM)
    answer = connection.getresponse()
    answer.read()
    return answer.status


class Logins:
    """Logins by several connections at once: `count` of them in all, or until `stop`."""

    def __init__(self, port, connections, count=None):
        self.left = count
        self.done = 0
        self.failed = 0
        self.lock = threading.Lock()
        self.begun = time.monotonic()
        self.ended = self.begun
        self.threads = [
            threading.Thread(target=self._work, args=[port], daemon=True)
            for _ in range(connections)
        ]
        for thread in self.threads:
            thread.start()

    def _work(self, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while self._take():
            try:
                good = log_in(connection) == 200
            except (OSError, http.client.HTTPException):
                good = False
                connection.close()
            with self.lock:
                self.done += good
                self.failed += not good
                self.ended = time.monotonic()
        connection.close()

    def _take(self):
        with self.lock:
            if self.left is None:
                return True
            self.left -= 1
            return self.left >= 0

    def stop(self):
        """No further logins; those in flight finish."""
        with self.lock:
            self.left = 0

    def wait(self):
        for thread in self.threads:
            thread.join()
        return self

    @property
    def rate(self):
        """Logins a second, from the first request to the last answer."""
        return self.done / (self.ended - self.begun)


def burst_of_logins(port, count):
    """All at once on `count` connections: status and milliseconds of each answer."""
    text = (
        f"POST /token HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(LOGIN)}\r\n"
        f"Content-Type: {FORM['Content-Type']}\r\nConnection: close\r\n\r\n{LOGIN}"
    )
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    waiting = selectors.DefaultSelector()
    answers = []

    def receive(timeout):
        ready = waiting.select(timeout)
        now = time.monotonic()
        for key, _ in ready:
            head = key.fileobj.recv(65536)
            status = int(head.split(b" ", 2)[1]) if head else 0
            answers.append((status, (now - key.data) * 1e3, b"retry-after" in head.lower()))
            waiting.unregister(key.fileobj)
            key.fileobj.close()
        return ready

    for one in sockets:
        one.setblocking(False)
        waiting.register(one, selectors.EVENT_READ, time.monotonic())
        one.send(text.encode())
        receive(0)
    while waiting.get_map():
        if not receive(120):
            raise SystemExit("a login got no response")
    return answers
