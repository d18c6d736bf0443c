"""The URI of a PostgreSQL database, and its password, which no message may show."""

from __future__ import annotations

import re
from urllib.parse import unquote

from ..errors import PlanError

__all__ = ["Uri"]

_CODED = "%[0-9A-Fa-f]{2}"
_WORD = rf"(?:[^\s:/?#@\[\]%]|{_CODED})*"
_HOST = rf"(?:\[[0-9A-Fa-f:.%]+\]|(?:[^\s:/?#@\[\]%,]|{_CODED})*)(?::[0-9]*)?"
_SHAPE = re.compile(
    rf"postgres(?:ql)?://"
    rf"(?:{_WORD}(?::(?P<password>{_WORD}))?@)?"
    rf"{_HOST}(?:,{_HOST})*"
    rf"(?:/(?:[^\s/?#@%]|{_CODED})*)?"
    rf"(?:\?(?P<options>(?:[^\s#@%]|{_CODED})*))?"
)


class Uri:
    """A URI as libpq takes it, ``postgresql://user@host:port/database?option=value``.

    What libpq would misread is refused: its messages quote the part that they are about, which is
    the password's rest where a ``/`` or ``@`` stands in it.
    """

    def __init__(self, text: str) -> None:
        """Takes a URI apart.

        Raises:
            PlanError: it is none, or one of another kind of database; *text* is not in the message.
        """
        shape = _SHAPE.fullmatch(text)
        if shape is None:
            raise PlanError(
                "database: its URI is not understood (nor shown, for it may hold a password); "
                "expected postgresql://user@host:port/database, with : / ? # [ ] @ % in a user or "
                "password written as %3A %2F %3F %23 %5B %5D %40 %25"
            )
        self.text = text
        words = {shape["password"] or ""}
        for option in (shape["options"] or "").split("&"):
            name, _, value = option.partition("=")
            if "password" in name:
                words.add(value)
        self._secrets = sorted({*words, *map(unquote, words)} - {""}, key=len, reverse=True)

    def __repr__(self) -> str:
        return "Uri(…)"

    def without_password(self, text: str) -> str:
        """The text with ``***`` wherever the password stands in it."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text
