"""FastAPI's tutorial application with scopes, on its own libraries: what bailiwick replaces.

Reads BENCH_SECRET, the signing secret, from the environment.
"""
import os
from datetime import datetime, timedelta, timezone
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Security
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm, SecurityScopes
from jose import JWTError, jwt
from passlib.context import CryptContext
from pydantic import BaseModel, Field

SECRET = os.environ["BENCH_SECRET"]
ALGORITHM = "HS256"
USERS = {
    "johndoe": {
        "username": "johndoe",
        "full_name": "John Doe",
        "email": "johndoe@example.com",
        "hashed_password": "$2b$12$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G",
        "disabled": False,
    }
}

passwords = CryptContext(schemes=["bcrypt"], deprecated="auto")
bearer = OAuth2PasswordBearer(
    tokenUrl="token", scopes={"me": "Read your own profile.", "items": "Read your own items."}
)
app = FastAPI()


class User(BaseModel):
    username: str
    email: str | None = None
    full_name: str | None = None
    disabled: bool | None = None


async def current_user(needed: SecurityScopes, token: Annotated[str, Depends(bearer)]) -> User:
    challenge = f'Bearer scope="{needed.scope_str}"' if needed.scopes else "Bearer"
    refusal = HTTPException(
        401, "Could not validate credentials", headers={"WWW-Authenticate": challenge}
    )
    try:
        claims = jwt.decode(token, SECRET, algorithms=[ALGORITHM])
    except JWTError:
        raise refusal
    user = USERS.get(claims.get("sub"))
    if user is None:
        raise refusal
    granted = claims.get("scopes", [])
    if any(scope not in granted for scope in needed.scopes):
        raise HTTPException(
            401, "Not enough permissions", headers={"WWW-Authenticate": challenge}
        )
    return User(**user)


async def active_user(user: Annotated[User, Security(current_user, scopes=["me"])]) -> User:
    if user.disabled:
        raise HTTPException(400, "Inactive user")
    return user


@app.post("/token")
async def log_in(form: Annotated[OAuth2PasswordRequestForm, Depends()]):
    user = USERS.get(form.username)
    if user is None or not passwords.verify(form.password, user["hashed_password"]):
        raise HTTPException(400, "Incorrect username or password")
    expires = datetime.now(timezone.utc) + timedelta(minutes=30)
    claims = {"sub": form.username, "scopes": form.scopes, "exp": expires}
    token = jwt.encode(claims, SECRET, algorithm=ALGORITHM)
    return {"access_token": token, "token_type": "bearer"}


@app.get("/users/me/", response_model=User)
async def read_me(user: Annotated[User, Depends(active_user)]):
    return user


@app.get("/users/me/items/")
async def read_items(user: Annotated[User, Security(active_user, scopes=["items"])]):
    return [{"item_id": "Foo", "owner": user.username}]


@app.get("/status/")
async def read_status(user: Annotated[User, Depends(current_user)]):
    return {"status": "ok"}


class Customer(BaseModel):
    name: str = Field(min_length=1, max_length=100)
    email: str = Field(max_length=100, pattern="^[^@ ]+@[^@ ]+$")
    street: str = Field(max_length=100)
    city: str = Field(max_length=100)
    postal_code: str = Field(pattern="^[0-9]{5}$")


class Item(BaseModel):
    sku: str = Field(pattern="^SKU-[0-9]{1,6}$")
    name: str = Field(min_length=1, max_length=80)
    quantity: int = Field(ge=1, le=99)
    cents: int = Field(ge=1, le=10_000_000)


class Order(BaseModel):
    customer: Customer
    items: list[Item] = Field(min_length=1, max_length=20)
    note: str | None = Field(default=None, max_length=500)


class Placed(BaseModel):
    customer: str
    lines: int
    cents: int


@app.post("/orders")
async def place(order: Order, user: Annotated[User, Security(active_user, scopes=["items"])]) -> Placed:
    cents = sum(item.quantity * item.cents for item in order.items)
    return Placed(customer=order.customer.name, lines=len(order.items), cents=cents)
