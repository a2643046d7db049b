"""A module."""
from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum, auto
from typing import ClassVar, Literal, NamedTuple, NotRequired, Optional, TypedDict

from pydantic import BaseModel, Field


class Size(StrEnum):
    SMALL = auto()
    LARGE = auto()


class Level(IntEnum):
    LOW = 1
    HIGH = 10


class Mixed(Enum):
    A = "a"
    B = 2
    _ignored_ = "x"

    def describe(self):
        return "x"


@dataclass
class Base:
    """What all have."""

    id: int
    kind: ClassVar[str] = "base"


@dataclass(frozen=True)
class Order(Base):
    """An order.

    Longer text.
    """

    size: Size
    note: str = ""
    tags: list[str] = field(default_factory=list)
    parent: Optional[Order] = None


class Person(TypedDict):
    name: str
    age: NotRequired[int]


class Loose(TypedDict, total=False):
    a: int


class Point(NamedTuple):
    x: float
    y: float = 0.0


class Customer(BaseModel):
    email: str = Field(..., description="where to write", max_length=100)
    score: float = Field(0.5, ge=0, le=1)
    level: Level = Level.LOW
    nick: str | None


class Card(BaseModel):
    kind: Literal["card"]
    number: str


class Cash(BaseModel):
    kind: Literal["cash"]
    amount: float


class Plain:
    def __init__(self, a):
        self.a = a


def main(order: Order, person: Person, loose: Loose, point: Point, customer: Customer, pay: Card | Cash, level: Level, mixed: Mixed, plain: Plain, many: list[Person]):
    pass
