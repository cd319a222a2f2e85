"""johndoe signs in at a site behind Apache's mod_auth_openidc: arguments are the server's address and the site's."""

import sys
import time

import httpx

from browser import Browser

base, site = sys.argv[1:]
callback = f"{site}/inside/cb"
browser = Browser()


def info():
    return browser.http.get(callback, params={"info": "json"}).json()


def sign_in():
    asked = browser.http.get(f"{site}/inside/").headers["location"]
    assert asked.startswith(f"{base}/oauth/authorize?"), asked
    back = browser.open(asked, callback)
    assert browser.http.get(back).headers["location"] == f"{site}/inside/"
    inside = browser.http.get(f"{site}/inside/")
    assert (inside.status_code, inside.headers["x-user"], inside.text) == (200, "johndoe", "inside")


sign_in()
first = info()
assert first["id_token"]["iss"] == base, first
assert first["userinfo"]["preferred_username"] == "johndoe", first
assert first["userinfo"]["sub"] == first["id_token"]["sub"], first
bearer = {"authorization": f"Bearer {first['access_token']}"}
assert httpx.get(f"{base}/users/me", headers=bearer).json()["username"] == "johndoe"

query = {"refresh": f"{site}/inside/", "access_token": first["access_token"]}
renewed = browser.http.get(callback, params=query)
assert renewed.headers["location"] == f"{site}/inside/", renewed.headers
second = info()
assert second["access_token"] != first["access_token"], second
assert second["userinfo"]["preferred_username"] == "johndoe", second

out = browser.http.get(callback, params={"logout": f"{site}/"}).headers["location"]
assert out.startswith(f"{base}/oauth/logout?"), out
assert browser.open(out, f"{site}/") == f"{site}/"
asked = browser.http.get(f"{site}/inside/").headers["location"]
assert "/auth/login?" in browser.http.get(asked).headers["location"]

# Back-channel logout: the site hears that the session at the server has ended.
sign_in()
browser.open(f"{base}/oauth/logout", f"{base}/auth/signed-out")
for _ in range(2000):
    if browser.http.get(f"{site}/inside/").status_code == 302:
        break
    time.sleep(0.01)
else:
    raise AssertionError("the site has not heard of it")
