"""What pydantic makes of values that fit a model or do not, read as FastAPI reads a JSON body.

Prints a JSON list of cases: the model's name, the value, and the errors, or what the value became.
"""

import json
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal, Optional, Union
from uuid import UUID

from pydantic import AnyUrl, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class Color(Enum):
    red = "red"
    dark_blue = "dark-blue"
    green = "green"


class Card(BaseModel):
    kind: Literal["card"]
    number: str = Field(min_length=4)


class Cash(BaseModel):
    kind: Literal["cash"]


class Item(BaseModel):
    name: str = Field(min_length=1, max_length=5)
    price: float = Field(gt=0, le=1000)
    quantity: int = Field(1, ge=1, le=99)
    tags: list[Annotated[str, Field(pattern="^[a-z]+$")]] = Field([], max_length=2)


class Order(BaseModel):
    items: list[Item] = Field(min_length=1)
    color: Optional[Color] = None
    payment: Optional[Annotated[Union[Card, Cash], Field(discriminator="kind")]] = None
    note: Optional[str] = None
    gift: bool = False
    labels: dict[str, int] = {}
    due: Optional[date] = None


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int
    b: int = 0


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    whole: int = 0
    real: float = 0
    flag: bool = False


class Whole(BaseModel):
    x: int


class Real(BaseModel):
    x: float


class Flag(BaseModel):
    x: bool


class Text(BaseModel):
    x: str


class Bounded(BaseModel):
    even: int = Field(0, multiple_of=2)
    over: int = Field(6, gt=5)
    under: float = Field(0, lt=0.5)
    tiny: float = Field(1, ge=0.00001)
    step: float = Field(0, multiple_of=0.5)
    two: str = Field("ab", min_length=2, max_length=2)


class Moment(BaseModel):
    x: datetime


class Day(BaseModel):
    x: date


class Price(BaseModel):
    x: Decimal = Field(gt=0, le=10, multiple_of=0.5)


class Link(BaseModel):
    x: AnyUrl


class Id(BaseModel):
    x: UUID


class Several(BaseModel):
    x: Union[int, str]


class Mixed(BaseModel):
    x: Union[int, Text]


class Unique(BaseModel):
    x: set[int] = Field(min_length=2, max_length=3)


class Pair(BaseModel):
    x: tuple[int, str]


ITEM = {"name": "pen", "price": 1.5}
NUMBERS = ["5", " 5 ", "+5", "-5", "1_0", "1.0", "1.00", "-0", "00012", "1.5", "x", "", " ", "-", "- 5", "5."]
NUMBERS += ["1__0", "_1", "1_", "1e3", "0x1", "\u0665", 5, 5.0, 5.5, -3, 1e300, True, False, None, [], {}]
FLAGS = ["true", "TRUE", "yes", "On", "1", "0", "t", "f", "n", "off", "x", "", " true", 1, 0, 2, 1.0, 0.0, 0.5]
DATES = ["", "abc", "2024-01-01", "2024-13-01", "2024-02-30", "2023-02-29", "2024-02-29", "2024-1-1"]
DATES += ["not a date", "2024x01-01", "2024-x1-01", "2024-01x01", "2024-01-x1", "2024-01-01X", "2024-01-00"]
TIMES = ["2024-01-01T10:00:00Z", "2024-01-01T10:00:00+02:00", "2024-01-01T25:00:00Z", "2024-01-01T10:60:00Z"]
TIMES += ["2024-01-01T10:00:61Z", "2024-01-01T", "2024-01-01T10", "2024-01-01T10:00:00x", "2024-01-01T10:00:00+25:00"]

PRICES = ["1.5", " 1.5 ", "abc", "", "NaN", "-5", "0", "1.7", 1.5, 2, 99, 10.5, 0, -1, True, None, [], {}]
LINKS = ["https://example.com/a?b=c#d", "mailto:jane@example.com", "", "nope", "//a.b", "http://", "http://[::1"]
LINKS += ["ftp://x:99999/", "http://a b", 1, None, []]
IDS = ["123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000", "", "nope", "0", 1, None, []]
IDS += ["{123e4567-e89b-12d3-a456-426614174000}", "123e4567-e89b-12d3-a456-42661417400", "123e4567-e89b-12d3-a456"]

CASES = [
    *((Whole, {"x": value}) for value in NUMBERS),
    *((Real, {"x": value}) for value in [*NUMBERS, ".5", "1e3", "1_0.5"] if value != 1e300),
    *((Flag, {"x": value}) for value in [*FLAGS, True, None, [], {}]),
    *((Text, {"x": value}) for value in ["a", "", 1, True, None, [], {}]),
    *((Moment, {"x": value}) for value in [*DATES, *TIMES, None, [], True] if value not in ("2024-01-01", "2024-02-29")),
    *((Day, {"x": value}) for value in [*DATES, None, [], True] if value not in ("2024-01-01X",)),
    *((Price, {"x": value}) for value in PRICES),
    *((Link, {"x": value}) for value in LINKS),
    *((Id, {"x": value}) for value in IDS),
    *((Strict, {"whole": value, "real": value, "flag": value}) for value in ["1", 1, 1.0, True, None, []]),
    (Bounded, {}),
    (Bounded, {"even": 3, "over": 5, "under": 0.5, "tiny": 1e-7, "step": 0.7, "two": "a"}),
    (Bounded, {"even": "3", "over": "-1", "under": 7, "tiny": "0", "step": 3, "two": "abc"}),
    (Bounded, {"even": 4, "over": "6", "under": "0.25", "step": 2.5, "two": "\u00fc\ud55c"}),
    *((Closed, value) for value in [{}, {"a": 1}, {"a": "x", "c": 1, "d": {"e": 2}}, [], "x", None, 1]),
    *((Several, {"x": value}) for value in [5, "5", "x", [], None, {"x": 1}]),
    *((Mixed, {"x": value}) for value in [5, "5", {"x": "a"}, {"x": 1}, {}, []]),
    *((Unique, {"x": value}) for value in [[1, 2], [1, 1], [1, 2, 3, 4], [1, 1, 2, 2], ["a", 2], "x"]),
    *((Pair, {"x": value}) for value in [[1, "a"], ["2", "a"], [1], [], [1, "a", 3], ["x", 3], "x", {}]),
    *(
        (Order, value)
        for value in [
            {},
            {"items": []},
            {"items": {}},
            {"items": [ITEM]},
            {"items": [ITEM, {}, 3, None, "x", {"name": "", "price": 0}]},
            {"items": [{"name": "ballpoint", "price": "free", "quantity": 100, "tags": ["ok", "NO", 5, "x"]}]},
            {"items": [{"name": 5, "price": 1001, "quantity": "0", "tags": ["ok", "NO"]}]},
            {"items": [ITEM | {"quantity": "7", "price": "2.5", "tags": None}]},
            {"items": [ITEM | {"quantity": "7", "price": "2.5"}], "gift": "yes", "labels": {"a": "1"}},
            {"items": [ITEM], "color": "red", "payment": {"kind": "cash"}, "note": None, "due": "2024-02-29"},
            {"items": [ITEM], "color": "blue", "payment": {"kind": "card", "number": "1"}, "due": "2024-02-30"},
            {"items": [ITEM], "color": 1, "payment": {"kind": "gold"}, "note": 1, "gift": None, "labels": []},
            {"items": [ITEM], "payment": {}, "labels": {"a": "x", "b": 1.5, "c": None}},
            {"items": [ITEM], "payment": "card", "color": None, "unknown": 1},
            {"items": [ITEM], "payment": {"kind": 1}},
            [],
            "x",
            None,
        ]
    ),
]


def outcome(model, value):
    try:
        made = TypeAdapter(model).validate_python(value, from_attributes=True)
    except ValidationError as error:
        return {"errors": error.errors(include_url=False)}
    return {"made": made.model_dump(mode="json")}


def number(decimal):
    """As FastAPI encodes it."""
    return int(decimal) if decimal == decimal.to_integral_value() else float(decimal)


def line(model, value):
    case = {"model": model.__name__, "value": value} | outcome(model, value)
    return json.dumps(case, default=number)


print("[\n" + ",\n".join(line(*case) for case in CASES) + "\n]")
