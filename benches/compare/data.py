"""Users, their tokens, and databases that hold them; made once and kept for the next run."""
import base64
import hashlib
import hmac
import json
import os
import subprocess
import time

from servers import BAILIWICK

SECRET = "a signing secret for the benchmark, 40 characters"
HASH = "$2b$12$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G"


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(username, expires=None, secret=SECRET):
    """A token as FastAPI's tutorial makes it, good for a day."""
    claims = {"sub": username, "scopes": ["me", "items"]}
    claims["exp"] = int(expires or time.time() + 86400)
    parts = [{"alg": "HS256", "typ": "JWT"}, claims]
    message = b".".join(encoded(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    signature = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return (message + b"." + encoded(signature)).decode()


def token_file(folder, name, tokens):
    file = folder / f"{name}.tokens"
    file.write_text("".join(f"{one}\n" for one in tokens))
    return file


def username(number):
    return "johndoe" if number == 0 else f"user{number:07}"


def fill(environment, count):
    """Imports `count` users, the first is johndoe, into the configured database."""
    environment = {**os.environ, "BAILIWICK__TOKENS__SECRET": SECRET, **environment}
    command = [BAILIWICK, "users", "import", "-"]
    importing = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    for number in range(count):
        name = username(number)
        user = {"username": name, "hashed_password": HASH, "scopes": ["me", "items"]}
        if number == 0:
            user |= {"full_name": "John Doe", "email": "johndoe@example.com", "disabled": False}
        else:
            user |= {"full_name": f"User {number}", "email": f"{name}@example.com"}
        importing.stdin.write(json.dumps(user) + "\n")
    importing.stdin.close()
    if importing.wait():
        raise SystemExit("the users were not imported")


def api_key(data):
    """A new API key of johndoe's, in the database of this data folder."""
    environment = {**os.environ, "BAILIWICK__DATA_DIR": str(data)}
    command = [BAILIWICK, "api-keys", "add", "johndoe", "benchmark", "--scope", "me", "--scope", "items"]
    made = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return made.stdout.strip()


def sqlite(folder, count):
    """A data folder whose database holds `count` users."""
    data = folder / f"sqlite-{count}"
    ready = data / "ready"
    if not ready.exists() or ready.stat().st_mtime < BAILIWICK.stat().st_mtime:
        subprocess.run(["rm", "-rf", str(data)], check=True)
        fill({"BAILIWICK__DATA_DIR": str(data)}, count)
        ready.touch()
    return data
