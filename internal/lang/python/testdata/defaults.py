import os
from enum import Enum


class Color(Enum):
    RED = "red"
    GREEN = "green"


LIMIT = 5


def main(
    first_day: date = date(2026, 2, 28),
    no_day: date = date(2026, 2, 30),
    text: str = "it's \"quoted\"\n",
    joined="a" 'b',
    raw=r"\d+",
    big=123456789012345678901234567890,
    hexa: int = 0xFF,
    grouped=1_000,
    negative=-1.5,
    exponent=1e3,
    flag=True,
    nothing=None,
    implied: str = None,
    data=b"\x00\xff",
    words=["a", "b"],
    mixed=[1, "a"],
    pair=(1, 2),
    obj={"a": [1, {"b": None}]},
    color: Color = Color.GREEN,
    computed: int = 60 * 60,
    environment: str = os.environ.get("X", "y"),
    constant: int = LIMIT,
    formatted=f"{LIMIT}",
    function=lambda x, y=1: x,
    *args,
    keyword_only: str,
    last: float = 2,
    **kwargs,
):
    """Every kind of default."""
