"""Dates that several scripts need. A file without main is a library: others import it by its path."""

import calendar
from datetime import date


def month_bounds(day: date) -> tuple[date, date]:
    """First and last day of the month that holds day."""
    return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])
