import datetime as dt
import decimal
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Dict, List, Literal, Optional, Set, Tuple, Union
from uuid import UUID

from pydantic import EmailStr, Field


def main(
    text: str,
    whole: int,
    real: float,
    flag: bool,
    data: bytes,
    anything: Any,
    untyped,
    when: datetime,
    when2: dt.datetime,
    day: date,
    clock: time,
    span: timedelta,
    money: Decimal,
    money2: decimal.Decimal,
    key: UUID,
    path: Path,
    mail: EmailStr,
    obj: dict,
    numbers: Dict[str, int],
    mapping: Mapping[str, List[str]],
    items: list,
    names: List[str],
    seq: Sequence[float],
    unique: Set[int],
    pair: Tuple[int, str],
    many: tuple[int, ...],
    maybe: Optional[str],
    maybe2: "int | None",
    either: Union[int, str],
    choice: Literal["a", "b", "c"],
    level: Literal[1, 2, None],
    limited: Annotated[int, Field(ge=1, le=10, description="one to ten")],
    noted: Annotated[str, "a note"],
):
    pass
