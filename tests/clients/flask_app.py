"""A web application with Flask and authlib signs in johndoe: arguments are the server's address and the secret of
the client `web`."""

import sys
import threading
from urllib.parse import urlencode

from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Flask, jsonify, redirect, session, url_for
from werkzeug.serving import make_server

from browser import Browser

base, secret = sys.argv[1:]
app = Flask(__name__)
app.secret_key = "of this test"
oauth = OAuth(app)
oauth.register(
    "bailiwick",
    client_id="web",
    client_secret=secret,
    server_metadata_url=f"{base}/.well-known/openid-configuration",
    client_kwargs={
        "scope": "openid profile email me offline_access",
        "code_challenge_method": "S256",
    },
)


@app.get("/login")
def login():
    return oauth.bailiwick.authorize_redirect(url_for("callback", _external=True))


@app.get("/cb")
def callback():
    try:
        token = oauth.bailiwick.authorize_access_token()
    except OAuthError as error:
        return jsonify(error=error.error), 403
    session["user"], session["token"] = token["userinfo"], token
    return redirect("/")


@app.get("/")
def home():
    if "user" not in session:
        return "", 401
    info = oauth.bailiwick.userinfo(token=session["token"])
    return jsonify(user=session["user"], info=info)


@app.get("/refresh")
def refresh():
    token = session["token"]
    new = oauth.bailiwick.fetch_access_token(
        grant_type="refresh_token", refresh_token=token["refresh_token"]
    )
    session["token"] = {**token, **new}
    return jsonify(renewed=new["access_token"] != token["access_token"])


@app.get("/logout")
def logout():
    query = {
        "id_token_hint": session["token"]["id_token"],
        "post_logout_redirect_uri": url_for("callback", _external=True),
        "client_id": "web",
    }
    session.clear()
    metadata = oauth.bailiwick.load_server_metadata()
    return redirect(f"{metadata['end_session_endpoint']}?{urlencode(query)}")


server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
own = f"http://127.0.0.1:{server.port}"

browser = Browser()
assert browser.http.get(f"{own}/").status_code == 401
back = browser.open(f"{own}/login", f"{own}/cb")
assert browser.http.get(back).headers["location"] == "/"
told = browser.http.get(f"{own}/").json()
assert told["user"]["iss"] == base and told["user"]["aud"] == "web", told
assert told["info"]["sub"] == told["user"]["sub"], told
assert told["info"]["preferred_username"] == "johndoe", told
assert browser.http.get(f"{own}/refresh").json() == {"renewed": True}
assert browser.http.get(f"{own}/").json()["info"] == told["info"]
# Nobody's answer: the state is none of this session's.
refused = browser.http.get(back)
assert refused.status_code == 403, refused.text

assert browser.open(f"{own}/logout", f"{own}/cb") == f"{own}/cb"
assert browser.http.get(f"{own}/").status_code == 401
# The session at the server has ended, too.
asked = browser.http.get(browser.http.get(f"{own}/login").headers["location"])
assert "/auth/login?" in asked.headers["location"], asked.headers
server.shutdown()
