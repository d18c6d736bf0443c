"""What is wrong with the NAPTR records of files: the findings of the native lint, typed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ._native import lint

__all__ = ["Checked", "Finding", "check"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a record, or worth a word."""

    file: str
    line: int
    owner: str | None
    severity: Literal["note", "warning", "error"]
    code: str
    field: str
    #: Octets of the field on the wire.
    start: int
    end: int
    what: str
    mend: str
    #: The record with this mended, where that is safe.
    fixed: str | None

    @property
    def is_fault(self) -> bool:
        """Whether it is more than a note."""
        return self.severity != "note"

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in a file."""

    findings: list[Finding]
    #: How many records there are, those that cannot be read among them.
    records: int
    #: How many records *mended* has changed.
    mendable: int
    #: The file with what is safe to mend mended.
    mended: bytes


def check(text: bytes, *, file: str, apex: str = "e164.arpa") -> Checked:
    """Judges the text of a zone file (RFC 1035 §5.1), or of NAPTR record data a line.

    *file* is the name that findings carry, *apex* the domain below which names are numbers. Faults
    of the text are findings too: nothing is raised.
    """
    found = lint(text, apex)
    return Checked(
        findings=[Finding(file=file, **finding) for finding in found["findings"]],
        records=found["records"],
        mendable=found["mendable"],
        mended=found["mended"],
    )
