from dataclasses import dataclass
from datetime import date
from typing import Literal

from f.examples.dates import month_bounds


@dataclass
class Invoice:
    number: str
    day: date
    total: float


def main(
    month: date = date(2026, 11, 1),
    invoices: list[Invoice] = [],
    rounding: Literal["cent", "euro"] = "cent",
):
    """Adds up the invoices of a month.

    Args:
        month: any day of the month to close
        invoices: what was billed; a sample when empty
        rounding: how the sum is rounded
    """
    first, last = month_bounds(month)
    rows = invoices or [Invoice("A-1", first, 119.0), Invoice("A-2", last, 80.45)]
    billed = [i for i in rows if first <= i.day <= last]
    print(f"{len(billed)} invoices between {first} and {last}")
    total = sum(i.total for i in billed)
    return {"from": first, "to": last, "invoices": billed, "total": round(total, 2 if rounding == "cent" else 0)}
