"""The exceptions of numdip.

Each is a :class:`NumdipError` and also the built-in that a Python programmer would expect, so both
``except numdip.NumdipError`` and ``except ValueError`` work::

    Exception
    └── NumdipError
        ├── NumberError     (ValueError)  text or an integer that is no E.164 number
        ├── DomainError     (ValueError)  a name that is no ENUM domain, or no usable apex
        ├── NaptrError      (ValueError)  fields or octets that are no NAPTR record
        ├── RuleError       (ValueError)  a record that is no valid DDDS rule
        ├── UriError        (ValueError)  text that is no tel URI, or no SIP URI
        ├── TimeError       (ValueError)  a time that cannot be read, or before a plan's history
        ├── SnapshotError   (OSError)     a snapshot that cannot be opened, read or written
        ├── PlanError       (ValueError)  plan files that cannot be read or hold bad rows
        ├── ConfigError     (ValueError)  a configuration with faults
        ├── ServerError     (OSError)     the server cannot listen or run
        └── ClientError     (OSError)     ENUM servers cannot be asked
            ├── ClientTimeoutError (TimeoutError)  none of them answered in time
            ├── ClientRecordError          records came that cannot be read
            └── ClientResponseError        they answered with a code that is no answer
                ├── ClientRefusedError     REFUSED: we may not ask
                └── ClientServerFailureError  SERVFAIL: they could not find out

A number that is merely unknown is no error: look-ups give ``None``.

The classes live here and the Rust extension raises them: ``NumberError``, ``DomainError``,
``RuleError`` and ``UriError`` with a message and a code, the others with a message alone.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._native import Naptr
    from .client import NetworkAnswer

__all__ = [
    "ClientError",
    "ClientRecordError",
    "ClientRefusedError",
    "ClientResponseError",
    "ClientServerFailureError",
    "ClientTimeoutError",
    "ConfigError",
    "DomainError",
    "NaptrError",
    "NumberError",
    "NumdipError",
    "PlanError",
    "RuleError",
    "ServerError",
    "SnapshotError",
    "TimeError",
    "UriError",
]


class NumdipError(Exception):
    """Base of everything that numdip raises on purpose."""


class NumberError(NumdipError, ValueError):
    """What was given is no E.164 number.

    Attributes:
        code: why, in one stable word: ``no-plus``, ``bad-char``, ``cc-zero`` (no country code
            starts with 0) or ``too-long`` (more than 15 digits).
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class DomainError(NumdipError, ValueError):
    """A name that is no ENUM domain (RFC 6116 §3.2), or an apex that is no domain.

    Attributes:
        code: why, in one stable word: ``apex`` (the name is the apex itself, without digits),
            ``not-under-suffix``, ``label:<label>`` (a label that is not one digit),
            ``empty-label``, ``name-too-long`` and the codes of :class:`NumberError` for digits
            that are no number.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class NaptrError(NumdipError, ValueError):
    """Fields, text or octets that are no NAPTR record (RFC 3403 §4.1)."""


class RuleError(NumdipError, ValueError):
    """A NAPTR record that is no valid DDDS rule, or gives no URI (RFC 3402 §3.2, RFC 6116 §5.2).

    Attributes:
        code: why, in one stable word. Of the rule: ``empty``, ``bad-delimiter``, ``delimiters``
            (not three), ``nul``, ``unknown-flag``, ``bad-expression``, ``no-such-group``. Of what
            it gives for a string: ``no-uri``, ``too-long``, ``too-costly``.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class UriError(NumdipError, ValueError):
    """A text that is no tel URI (RFC 3966 §3), or no SIP URI that leads to a server (RFC 3263 §4).

    Attributes:
        code: why, in one stable word. Of tel URIs: ``scheme``, ``not-phone`` (a SIP URI without
            user=phone), ``too-long``, ``number``, ``parameter-name``, ``twice`` (a parameter),
            ``value`` (of a parameter), ``no-context`` (something local does not say where). Of SIP
            URIs: ``scheme``, ``too-long``, ``no-host``, ``port``, ``transport`` and the codes of
            names.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class TimeError(NumdipError, ValueError):
    """A time that cannot be read, or that lies before the earliest that a plan can speak for."""


class SnapshotError(NumdipError, OSError):
    """A snapshot that is missing, damaged, of an unknown version, or cannot be written."""


class PlanError(NumdipError, ValueError):
    """Plan files that cannot be read, or rows that cannot stand.

    Attributes:
        report: the bad rows, one a line (``file:line: column "mcc": found …, expected …``), at
            most 100 and then a count. Empty where the fault is not one of rows: a file that is
            missing, not UTF-8, or lacks columns.
    """

    def __init__(self, message: str, report: str = "") -> None:
        super().__init__(message)
        self.report = report


class ConfigError(NumdipError, ValueError):
    """A configuration that cannot be used.

    Attributes:
        faults: every fault found, as ``(key path, message)``: ``("acl.client[0].networks[1]",
            "found …, expected …")``. The key path is empty for a fault of the file as a whole,
            such as a line that is not TOML. Empty where there was no file to read.
    """

    def __init__(self, message: str, faults: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.faults = list(faults)


class ServerError(NumdipError, OSError):
    """The server cannot listen, start or go on: a port in use, an address that is not ours."""


class ClientError(NumdipError, OSError):
    """No ENUM server could be asked: none was named, or none can be reached."""


class ClientTimeoutError(ClientError, TimeoutError):
    """ENUM servers were asked and none answered before the deadline."""


class ClientRecordError(ClientError):
    """Records came, and none of them names a network or gives a URI (RFC 6116 §5.2)."""


class ClientResponseError(ClientError):
    """ENUM servers answered, and with a response code that is no answer.

    Attributes:
        rcode: the code's name, such as ``REFUSED``.
        extended: extended errors, as pairs of code and text (RFC 8914).
        answer: what the records beside the code say, if there are some: suppliers tell so why.
        records: those records, as pairs of TTL and record.
        server: the last server that answered so.
    """

    def __init__(
        self,
        message: str,
        *,
        rcode: str = "",
        extended: Iterable[tuple[int, str]] = (),
        answer: NetworkAnswer | None = None,
        records: Iterable[tuple[int, Naptr]] = (),
        server: str = "",
    ) -> None:
        super().__init__(message)
        self.rcode = rcode
        self.extended = tuple(extended)
        self.answer = answer
        self.records = tuple(records)
        self.server = server


class ClientRefusedError(ClientResponseError):
    """ENUM servers refused to answer: REFUSED, as to addresses that are not permitted."""


class ClientServerFailureError(ClientResponseError):
    """ENUM servers could not find out: SERVFAIL."""


# Users meet these as numdip.NumberError, in tracebacks and in pickles too.
for _name in __all__:
    globals()[_name].__module__ = "numdip"
del _name
