"""Clients that openapi-python-client has made of the documents of examples/bodies.rs and examples/handlers.rs call
them. Arguments: the addresses of both, the folder that holds the packages."""

import io
import sys

bodies_at, handlers_at, folder = sys.argv[1:]
sys.path.insert(0, folder)

from bodies import AuthenticatedClient, Client
from bodies.api.articles import picture, search
from bodies.api.orders import place
from bodies.api.reviews import review
from bodies.api.token import login_for_access_token
from bodies.models import HTTPValidationError, Item, Order, Review, Shipping
from bodies.models import LoginForAccessTokenPasswordRequestForm as Form
from handlers import AuthenticatedClient as Handlers
from handlers.api.articles import add, order, remove
from handlers.api.pictures import upload
from handlers.models import Article, Error, Pictures
from handlers.types import File


def token(base):
    with Client(base_url=base) as client:
        form = Form(username="johndoe", password="1234", scope="me")
        return login_for_access_token.sync(client=client, body=form).access_token


with AuthenticatedClient(base_url=bodies_at, token=token(bodies_at)) as client:
    placed = place.sync(client=client, body=Order(items=[Item(sku="SKU-7", price=2.5, quantity=2)], shipping=Shipping.EXPRESS))
    assert placed.items[0].quantity == 2 and placed.shipping == Shipping.EXPRESS, placed
    wrong = place.sync(client=client, body=Order(items=[Item(sku="7", price=0)]))
    assert isinstance(wrong, HTTPValidationError), wrong
    assert [it.loc for it in wrong.detail] == [["body", "items", 0, "sku"], ["body", "items", 0, "price"]], wrong
    found = search.sync(client=client, word=["red", "pen"], in_stock=True, limit=5)
    assert (found.word, found.in_stock, found.limit) == (["red", "pen"], True, 5), found
    assert picture.sync("SKU-7", 3, client=client).number == 3
    assert review.sync(client=client, body=Review(stars=5, text="good")).stars == 5

with Handlers(base_url=handlers_at, token=token(handlers_at)) as client:
    made = add.sync_detailed(client=client, body=Article(name="50 %/ä"))
    assert made.status_code == 201 and made.headers["location"] == "/articles/50%20%25%2F%C3%A4", made
    assert order.sync(1, client=client) == "on its way"
    gone = order.sync(9, client=client)
    assert isinstance(gone, Error) and gone.detail == "there is no article 9", gone
    assert remove.sync_detailed(2, client=client).status_code == 204
    photo = File(payload=io.BytesIO(b"picture"), file_name="a.png", mime_type="image/png")
    arrived = upload.sync(client=client, body=Pictures(caption="A", picture=photo))
    assert (arrived.name, arrived.size, arrived.has_licence) == ("a.png", 7, False), arrived
