"""Times from when on a plan or a layer holds: what a person writes, and seconds since 1970 UTC.

All are in UTC unless they say otherwise, whatever the machine's time zone: a plan is the same
everywhere. A date is the beginning of its day.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from .errors import TimeError

__all__ = ["from_seconds", "to_seconds"]

_START = datetime(1970, 1, 1, tzinfo=UTC)


def to_seconds(value: str | date | datetime) -> int:
    """The seconds from 1970, 00:00 UTC, to *value*; fractions are dropped.

    Raises:
        TimeError: *value* is a text that is no ISO 8601 date, with or without a time.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)  # a date alone is its beginning
        except ValueError:
            raise TimeError(
                f"time: found {value!r}, expected a date and, if you like, a time, such as "
                "2026-03-01 or 2026-03-01T06:00:00Z"
            ) from None
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    elif not isinstance(value, datetime):
        raise TypeError(f"a time is a str, a date or a datetime, not {type(value).__name__}")
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return (value - _START) // timedelta(seconds=1)


def from_seconds(seconds: int) -> datetime | None:
    """The time so many seconds after 1970, 00:00 UTC; 0 stands for a time that is not known."""
    return _START + timedelta(seconds=seconds) if seconds else None
