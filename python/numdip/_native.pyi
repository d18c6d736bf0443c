"""Typed face of the Rust extension. One class per file of ``rust/native/src``."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal, Protocol, TypeAlias, final

from typing_extensions import Buffer  # collections.abc has it from 3.12 on

__all__ = [
    "DEBUG_BUILD",
    "Acl",
    "Answer",
    "Asker",
    "Batches",
    "Exchange",
    "Explanation",
    "LayerBuilder",
    "LayerReport",
    "ListPorted",
    "Naptr",
    "Number",
    "Outcome",
    "PlanBuilder",
    "PlanReport",
    "Reply",
    "Responder",
    "Server",
    "Snapshot",
    "Table",
    "TelUri",
    "Walk",
    "__version__",
    "compact",
    "diff",
    "from_domain",
    "lint",
    "list_networks",
    "list_ranges",
    "to_domain",
]
__version__: Final[str]
DEBUG_BUILD: Final[bool]

# --- number.rs

@final
class Number:
    """An E.164 number: 1 to 15 ASCII digits, the first not 0. Immutable, ordered, hashable."""

    def __new__(cls, text: str | int | Number, *, msisdn: bool = False) -> Number: ...
    @property
    def digits(self) -> str: ...
    @property
    def aus(self) -> str: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __str__(self) -> str: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: Number, /) -> bool: ...
    def __le__(self, other: Number, /) -> bool: ...
    def __gt__(self, other: Number, /) -> bool: ...
    def __ge__(self, other: Number, /) -> bool: ...
    def __reduce__(self) -> tuple[type[Number], tuple[str]]: ...

# --- apex.rs

def to_domain(number: str | int | Number, apex: str = "e164.arpa") -> str: ...
def from_domain(name: str, apex: str = "e164.arpa") -> str: ...

# --- naptr.rs

@final
class Naptr:
    """One NAPTR record's data (RFC 3403 §4.1). Immutable, comparable, hashable, picklable."""

    def __new__(
        cls,
        *,
        order: int,
        preference: int,
        flags: str | bytes | None = None,
        services: str | bytes | None = None,
        regexp: str | bytes | None = None,
        replacement: str = ".",
    ) -> Naptr: ...
    @staticmethod
    def parse(text: str) -> Naptr: ...
    @staticmethod
    def from_wire(rdata: Buffer) -> Naptr: ...
    @property
    def order(self) -> int: ...
    @property
    def preference(self) -> int: ...
    @property
    def flags(self) -> str: ...
    @property
    def services(self) -> str: ...
    @property
    def enumservices(self) -> list[str]: ...  # best first
    def read_services(
        self, application: Literal["ENUM", "URI-RES", "S-NAPTR", "SIP"]
    ) -> dict[str, Any]: ...
    @property
    def regexp(self) -> str: ...
    @property
    def replacement(self) -> str: ...
    def to_wire(self) -> bytes: ...
    def to_text(self) -> str: ...
    def apply(
        self,
        aus: str | bytes | Number,
        *,
        mode: Literal["posix", "glibc", "perl"] = "posix",
        uri: bool = True,
    ) -> str | None: ...
    def groups(
        self, aus: str | bytes | Number, *, mode: Literal["posix", "glibc", "perl"] = "posix"
    ) -> list[tuple[int, int] | None] | None: ...  # octet offsets, the whole match first
    def explain(  # delimiter expression replacement ignore_case groups output code reason
        self, aus: str | bytes | Number, *, mode: Literal["posix", "glibc", "perl"] = "posix"
    ) -> dict[str, Any]: ...
    def __str__(self) -> str: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

# --- snapshot.rs

@final
class Answer:
    """What one dip found. Immutable. Text that is unknown is ``None``."""

    @property
    def number(self) -> str: ...  # '+447786852522'
    @property
    def mcc(self) -> str | None: ...
    @property
    def mnc(self) -> str | None: ...
    @property
    def operator(self) -> str | None: ...
    @property
    def country(self) -> str | None: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def prefix(
        self,
    ) -> str | None: ...  # digits of the range that holds the number; None: no range does
    @property
    def ported(self) -> bool: ...
    @property
    def portable(self) -> bool: ...
    @property
    def spid(self) -> str | None: ...
    @property
    def rn(self) -> str | None: ...
    @property
    def rn_context(self) -> str | None: ...
    @property
    def source(self) -> str: ...
    def to_dict(self) -> dict[str, Any]: ...  # the properties above by name, in this order
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: object | None = None) -> Any: ...

_Numbers: TypeAlias = _ArrowStream | _ArrowArray | Buffer | Iterable[str | int | Number | None]

@final
class Snapshot:
    """A built plan, mapped read-only. Safe to use from many threads."""

    @staticmethod
    def open(path: str, memory: Literal["map", "huge"] = "map") -> Snapshot: ...
    @property
    def path(self) -> str: ...
    @property
    def meta(self) -> str: ...  # JSON text written by the builder
    # How many layers have been applied to the plan, and from when on it is as it is (UTC).
    @property
    def sequence(self) -> int: ...
    # What the plan has for the number itself or for a prefix; [] when a network is the answer.
    def records(self, number: str | int | Number) -> list[Naptr]: ...
    # Owner ("+441632960083", "+44*" or a name), type, TTL, data in wire form.
    def record_sets(self) -> list[tuple[str, int, int, list[bytes]]]: ...
    @property
    def time(self) -> datetime | None: ...
    # Dicts with file, sequence, time, set, removed, octets and folded; the oldest layer first.
    @property
    def layers(self) -> list[dict[str, Any]]: ...
    def reopen(self) -> Snapshot: ...  # what is at its path now; an unchanged file is shared
    # at: what was true then, in UTC; TimeError before the earliest time that the plan knows.
    def lookup(
        self, number: str | int | Number, /, *, at: str | date | datetime | None = None
    ) -> Answer | None: ...
    # A column by __arrow_c_stream__ or __arrow_c_array__ (text or integers), an array of integers
    # by its buffer (NumPy), or an iterable of what lookup takes, and None; TypeError for anything
    # else. Columns: found, mcc, mnc, operator, country, kind, prefix, ported, portable, source,
    # spid, rn, rn_context; texts are dictionaries.
    def lookup_many(self, numbers: _Numbers, /) -> Table: ...
    def explain(
        self, number: str | int | Number, /, *, at: str | date | datetime | None = None
    ) -> Explanation: ...
    def verify(self) -> None: ...  # SnapshotError names the damaged section
    def stats(self) -> dict[str, Any]: ...
    def __len__(self) -> int: ...  # prefixes and ported numbers together
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...

@final
class Explanation:
    """Why a dip gave what it gave."""

    @property
    def number(self) -> str: ...
    @property
    def found(self) -> bool: ...
    @property
    def reason(self) -> str: ...  # one sentence
    @property
    def steps(self) -> list[str]: ...  # what was tried, in order, a sentence each
    @property
    def answer(self) -> Answer | None: ...

@final
class Table:
    """An Arrow table; any Arrow library takes it through ``__arrow_c_stream__``."""

    @property
    def num_rows(self) -> int: ...
    @property
    def column_names(self) -> list[str]: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __len__(self) -> int: ...

# --- batches.rs

@final
class Batches:
    """The batches of an Arrow stream (``__arrow_c_stream__``), read as they are asked for."""

    def __new__(cls, stream: object) -> Batches: ...
    # Name, Arrow type, and the name and metadata of the extension type ('' if there is none).
    @property
    def columns(self) -> list[tuple[str, str, str, str]]: ...
    def __iter__(self) -> Batches: ...
    def __next__(self) -> Table: ...  # PlanError with the text of the stream's error
    def close(self) -> None: ...

# --- plan.rs

@final
class PlanBuilder:
    """Checks rows and writes a snapshot. Rows come as Arrow streams whose columns are all text."""

    def __new__(
        cls,
        *,
        on_error: Literal["fail", "skip"] = "fail",
        on_duplicate: Literal["fail", "last"] = "fail",
        memory: int | None = None,
        folder: str | None = None,
        apex: list[str] | None = None,
    ) -> PlanBuilder: ...
    # These take any object with __arrow_c_stream__ and add its rows; first_line is the line (or
    # row) of the stream's first row. With a database, file is the name of a query of it: faults
    # then say "query 1 (row 17)", and the source of the rows is "database (query 1)". Missing
    # columns: PlanError. Bad rows go to the report.
    def add_ranges(
        self, stream: object, *, file: str, first_line: int = 2, database: str | None = None
    ) -> int: ...
    def add_ported(
        self, stream: object, *, file: str, first_line: int = 2, database: str | None = None
    ) -> int: ...
    def add_records(
        self, stream: object, *, file: str, first_line: int = 2, database: str | None = None
    ) -> int: ...
    # line, owner (wire form), type, TTL, data (wire form)
    def add_zone_records(
        self, records: list[tuple[int, bytes, int, int, bytes]], *, file: str
    ) -> int: ...
    # PlanError with the report's text when rows are bad and on_error="fail"; nothing is written.
    # time: seconds since 1970 UTC from when on the plan holds, 0 if that is not known.
    def write(
        self,
        path: str,
        *,
        meta: str = "{}",
        time: int = 0,
        progress: Callable[[int, int], object] | None = None,
    ) -> PlanReport: ...

@final
class PlanReport:
    @property
    def ranges(self) -> int: ...
    @property
    def ported(self) -> int: ...
    @property
    def networks(self) -> int: ...
    @property
    def records(self) -> int: ...
    @property
    def left_out(self) -> int: ...
    @property
    def replaced(self) -> int: ...
    @property
    def faults(
        self,
    ) -> list[str]: ...  # at most 100, 'file:line: column "mcc": found …, expected …'

# --- layers.rs

@final
class LayerBuilder:
    """Checks changes of ported numbers and writes a layer. Rows come as PlanBuilder's do."""

    def __new__(
        cls,
        path: str,
        *,
        on_error: Literal["fail", "skip"] = "fail",
        on_duplicate: Literal["fail", "last"] = "fail",
    ) -> LayerBuilder: ...
    def add_changes(self, stream: object, *, file: str, first_line: int = 2) -> int: ...
    # time: seconds since 1970 UTC from when on the changes hold.
    def write(self, *, time: int, meta: str = "{}") -> LayerReport: ...

@final
class LayerReport:
    @property
    def file(self) -> str | None: ...  # name beside the plan; None: nothing changed
    @property
    def sequence(self) -> int: ...
    @property
    def added(self) -> int: ...
    @property
    def changed(self) -> int: ...
    @property
    def removed(self) -> int: ...
    @property
    def unchanged(self) -> int: ...
    @property
    def added_twice(self) -> int: ...  # of the changed ones
    @property
    def changed_unlisted(self) -> int: ...  # of the added ones
    @property
    def removed_unlisted(self) -> int: ...  # of the unchanged ones
    @property
    def left_out(self) -> int: ...
    @property
    def replaced(self) -> int: ...
    @property
    def faults(self) -> list[str]: ...

# Layers folded, ported numbers and networks of the plan then.
def compact(
    path: str, output: str | None = None, *, forget_history: bool = False
) -> tuple[int, int, int]: ...

# --- diff.rs

# Lists of dicts: ported and ranges have country, network, added, removed, changed_to, changed_from;
# examples have subject, before, after.
def diff(
    before: Snapshot, after: Snapshot, *, examples: int = 10
) -> dict[str, list[dict[str, Any]]]: ...

# --- lint.rs

def lint(text: bytes, apex: str) -> dict[str, Any]: ...

# --- listing.rs

# prefix, min_length, max_length, country, kind, portable, network
def list_ranges(snapshot: Snapshot) -> list[tuple[str, int, int, str, str, bool, int]]: ...

# mcc, mnc, operator, spid, rn, rn_context, source; "" is unknown
def list_networks(snapshot: Snapshot) -> list[tuple[str, ...]]: ...

@final
class ListPorted:
    """The ported numbers in the order of their digits, some at a time: digits and network."""

    def __new__(cls, snapshot: Snapshot) -> ListPorted: ...
    def __iter__(self) -> ListPorted: ...
    def __next__(self) -> list[tuple[str, int]]: ...
    def __len__(self) -> int: ...

# --- responder.rs

@final
class Acl:
    """Which source addresses may ask. ``clients`` pairs a name with CIDR networks."""

    def __new__(
        cls,
        clients: Sequence[tuple[str, Sequence[str]]],
        others: Literal["refuse", "drop"] = "refuse",
    ) -> Acl: ...
    def decide(self, source: str) -> Literal["permit", "refuse", "drop"]: ...

@final
class Responder:
    """The server's brain without a socket: query octets in, response octets out."""

    def __new__(
        cls,
        snapshot: Snapshot,
        *,
        profile: str = "number-lookup",
        acl: Acl | None = None,
        apex: str | Sequence[str] | None = None,
        ttl: int = 3,
        order: int = 10,
        preference: int = 50,
        services: str = "E2U+pstn:tel",
        regexp: str = "!^(.*)$!tel:\\1;mcc={mcc};mnc={mnc}!",
        record: Sequence[Mapping[str, str | int]] = ...,
        partial: Literal["nxdomain", "answer"] = "nxdomain",
    ) -> Responder: ...
    def respond(
        self, query: Buffer, source: str = "127.0.0.1", *, transport: Literal["udp", "tcp"] = "udp"
    ) -> bytes | None: ...
    # In the order of list_networks: TTL and data (wire form) of the answer for its numbers.
    # ConfigError if {number} is in it.
    def network_answers(self) -> list[tuple[int, list[bytes]] | None]: ...

# --- server.rs

@final
class Server:
    """Sockets and worker threads. Python starts, reloads and stops it and never sees a packet."""

    @staticmethod
    def start(
        responder: Responder, *, listen: Sequence[str], workers: int = 0, gather: int = 50
    ) -> Server: ...
    @property
    def addresses(self) -> list[str]: ...  # '127.0.0.1:5300', real ports
    def reload(self, responder: Responder) -> None: ...  # ACL and snapshot come with it
    def counters(self) -> dict[str, int]: ...
    def stop(self) -> None: ...

# --- exchange.rs

@final
class Exchange:
    """One ENUM question, sans I/O: octets out, octets in (RFC 6116 §3)."""

    def __new__(
        cls,
        number: str | int | Number,
        *,
        apex: str = "e164.arpa",
        message_id: int,
        edns: bool = True,
    ) -> Exchange: ...
    @property
    def name(self) -> str: ...
    def query(self) -> bytes: ...
    # None: no answer to this question (wrong id or question, not a response): go on waiting.
    def read(self, response: Buffer) -> Reply | None: ...

@final
class Reply:
    @property
    def rcode(self) -> str: ...  # 'NOERROR', 'NXDOMAIN', …
    @property
    def truncated(self) -> bool: ...
    @property
    def records(
        self,
    ) -> list[tuple[int, Naptr]]: ...  # (TTL, record), sorted by order then preference
    @property
    def servers(self) -> list[tuple[int, int, int, int, str]]: ...  # SRV: TTL, then its fields
    @property
    def addresses(self) -> list[tuple[int, str]]: ...  # A, AAAA
    @property
    def extended(self) -> list[tuple[int, str]]: ...  # RFC 8914: code and text
    @property
    def parameters(self) -> dict[str, str]: ...  # mcc, mnc, … of the first record's regexp

# --- client.rs

@final
class Asker:
    """Asks ENUM servers: one thread and one pool of sockets for any number of callers."""

    def __new__(
        cls,
        servers: Sequence[str],  # '192.0.2.1:53', '[2001:db8::1]:53'
        *,
        apex: str,
        timeout: float,
        deadline: float,
        hedge: bool,
        balanced: bool,
        edns: bool | None,  # None: unless the server was found to refuse it
        cookies: bool,
        mixed_case: bool,
        rate: float | None,
        cache: int,
    ) -> Asker: ...
    def ask(self, number: str | int | Number) -> Outcome: ...
    # None: the seconds passed, and the question was given up.
    def ask_name(self, name: str, rtype: int, within: float) -> Outcome | None: ...
    # The outcome if it is kept, or else the id that it comes with.
    def submit(self, number: str | int | Number) -> Outcome | int: ...
    def submit_name(self, name: str, rtype: int) -> Outcome | int: ...
    def completed(self) -> list[tuple[int, Outcome | None]]: ...  # None: closed before
    def cancel(self, id: int) -> None: ...  # noqa: A002
    def fileno(self) -> int: ...  # readable when something is completed
    def ask_many(
        self,
        numbers: Any,
        *,
        window: int,
        lenient: bool,
        servers: Sequence[str],
        progress: Callable[[int], object] | None = None,
    ) -> Table | None: ...  # None: closed before
    def states(self) -> list[dict[str, Any]]: ...
    @property
    def open(self) -> int: ...
    @property
    def kept(self) -> int: ...
    def forget(self) -> None: ...
    def close(self) -> None: ...

@final
class Outcome:
    """What came of a question."""

    @property
    def end_name(self) -> Literal["reply", "timeout", "unreachable", "closed"]: ...
    @property
    def reply(self) -> Reply | None: ...
    @property
    def server(self) -> int | None: ...
    @property
    def transport(self) -> Literal["udp", "tcp"] | None: ...
    @property
    def milliseconds(self) -> float | None: ...
    @property
    def cached(self) -> float | None: ...
    @property
    def failures(self) -> list[tuple[int, str]]: ...
    # Output, whether it is a URI, parameters, TTL, the record's place, whether read leniently;
    # text: why not.
    def network(
        self, number: str | int | Number, *, lenient: bool
    ) -> tuple[str, bool, list[tuple[str, str | None]], int, int, bool] | str | None: ...

# --- tel.rs

@final
class TelUri:
    """A tel URI (RFC 3966). Immutable, comparable by meaning, hashable, picklable."""

    def __new__(cls, uri: str) -> TelUri: ...
    @staticmethod
    def from_sip(uri: str) -> TelUri: ...
    @property
    def number(self) -> str: ...
    @property
    def is_global(self) -> bool: ...
    @property
    def parameters(self) -> dict[str, str | None]: ...
    @property
    def trunk_group(self) -> tuple[str, str] | None: ...
    @property
    def is_usable(self) -> bool: ...
    def to_sip(self, gateway: str) -> str: ...
    def __str__(self) -> str: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

# --- walk.rs

@final
class Walk:
    """A way through record sets, sans I/O (RFC 3402 §3.3)."""

    @staticmethod
    def of_number(
        aus: str,
        domain: str,
        *,
        services: Sequence[str] | None = None,
        mode: Literal["posix", "glibc", "perl"] = "posix",
    ) -> Walk: ...
    @staticmethod
    def of_service(
        domain: str, service: str, protocols: Sequence[str] = ..., *, uris: bool = False, seed: int
    ) -> Walk: ...
    @staticmethod
    def of_sip(uri: str, transports: Sequence[str], *, seed: int) -> Walk: ...
    def step(self) -> dict[str, Any] | None: ...
    def answer(
        self, records: Sequence[Naptr] | Sequence[tuple[int, int, int, str]] | Sequence[str]
    ) -> None: ...
    def accept(self) -> None: ...
    @property
    def steps(self) -> list[dict[str, Any]]: ...
