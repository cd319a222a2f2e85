"""A client that openapi-python-client has made of the document logs in and calls. Arguments: the
server's address, the folder that holds the package `generated`."""

import sys

base, folder = sys.argv[1:]
sys.path.insert(0, folder)

from generated import AuthenticatedClient, Client
from generated.api.me import read_own_items
from generated.api.token import login_for_access_token
from generated.models import Error, LoginForAccessTokenPasswordRequestForm as Form


def log_in(**form):
    with Client(base_url=base) as client:
        return login_for_access_token.sync_detailed(client=client, body=Form(**form))


answer = log_in(username="johndoe", password="1234", scope="me items")
assert answer.status_code == 200, answer
with AuthenticatedClient(base_url=base, token=answer.parsed.access_token) as client:
    items = read_own_items.sync(client=client)
assert [item.owner for item in items] == ["johndoe"], items

# A login without scopes is read as well.
assert log_in(username="johndoe", password="1234").parsed.access_token
refused = log_in(username="johndoe", password="wrong")
assert refused.status_code == 400 and isinstance(refused.parsed, Error), refused
assert refused.parsed.detail == "Incorrect username or password", refused
