"""The application that gunicorn serves in `make soak`: it refuses as bailiwick does."""
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm

app = FastAPI()


@app.post("/token")
async def token(form: Annotated[OAuth2PasswordRequestForm, Depends()]):
    return {"access_token": form.username, "token_type": "bearer"}


@app.get("/users/me")
async def me(token: Annotated[str, Depends(OAuth2PasswordBearer(tokenUrl="token"))]):
    return {"username": token}
