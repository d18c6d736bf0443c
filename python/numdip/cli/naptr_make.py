"""``numdip naptr make``: a record that is right, in each form that it is needed in."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated

import typer

from .failures import DONE, exits
from .words import aligned

if TYPE_CHECKING:
    from .. import Naptr

__all__ = ["make"]

#: A host name or an address and its port, as URIs have them (RFC 3986 §3.2.2 and §3.2.3).
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|(?!-)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.?)(?::(?P<port>[0-9]+))?"
_SIP = re.compile(rf"(?:[^@\s]+@)?{_HOST}(?:[;?][^@\s]*)?", re.ASCII)
_MAIL = re.compile(r"[^@\s]+@(?!-)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?:\?[^@\s]*)?", re.ASCII)
_WEB = re.compile(rf"//{_HOST}(?:[/?]\S*)?", re.ASCII)
_LABEL = re.compile(r"(?:\\.|[^.\\])+", re.DOTALL)


@exits
def make(
    *,
    sip: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A SIP address, as info@example.com.")
    ] = None,
    tel: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="A telephone number, as +441632960083.")
    ] = None,
    mailto: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A mail address, as info@example.com.")
    ] = None,
    web: Annotated[
        str | None, typer.Option(metavar="URL", help="A page, as https://example.com/.")
    ] = None,
    number: Annotated[
        str | None, typer.Option(metavar="N", help="The number that the record is for.")
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The record's owner, in place of a number; relative if no dot nor apex ends it.",
        ),
    ] = None,
    apex: Annotated[
        str, typer.Option(metavar="D", help="Domain that the digits hang from.")
    ] = "e164.arpa",
    order: Annotated[int, typer.Option(min=0, max=65535, help="Low before high.")] = 100,
    preference: Annotated[
        int, typer.Option(min=0, max=65535, help="Low before high in equal order; no weight.")
    ] = 10,
    ttl: Annotated[
        int | None, typer.Option(min=0, max=(1 << 31) - 1, help="Seconds; the zone's if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on one line.")] = False,
) -> int:
    """Make a record that leads from a number to an address.

    It is written as a line of a zone file, as a call for DNSControl's dnsconfig.js, where a comment
    names the domain that it belongs in, and as the record data's octets. Exits with 2 if there is
    no right record for what is asked.
    """
    addresses = {"--sip": sip, "--tel": tel, "--mailto": mailto, "--web": web}
    given = [(option, address) for option, address in addresses.items() if address is not None]
    if len(given) != 1:
        raise typer.BadParameter("give one of --sip, --tel, --mailto and --web")
    if number is not None and owner is not None:
        raise typer.BadParameter("give --number or --owner, not both")
    name, aus = _owner(number, owner, apex)
    services, uri = _target(*given[0], aus)
    record = _record(order, preference, services, uri, aus)
    label, domain, comment = _in_domain(name, apex)
    forms = {
        "zone": " ".join(filter(None, [name, _text(ttl), "IN NAPTR", record.to_text()])),
        "dnscontrol": _dnscontrol(label, record, ttl),
        "wire": record.to_wire().hex(),
    }
    if as_json:
        found = {"owner": name, "services": services, "uri": uri, **forms}
        print(json.dumps(found | {"dnscontrol_domain": domain}, ensure_ascii=False))
        return DONE
    forms["dnscontrol"] = comment + forms["dnscontrol"]
    for line in aligned([[form, text] for form, text in forms.items()]):
        print(line)
    return DONE


def _text(ttl: int | None) -> str:
    return "" if ttl is None else str(ttl)


def _owner(number: str | None, owner: str | None, apex: str) -> tuple[str, str]:
    """The owner's name, ``@`` if none is given, and the number, which is empty if it is unknown.

    As in a zone file, a name without a final dot is relative: what it hangs from is not known here.
    One that ends with the apex is taken as the whole name, since that is what is meant.
    """
    from .. import DomainError, Number, from_domain, to_domain

    if number is not None:
        aus = str(Number(number, msisdn=True))
        return to_domain(aus, apex=apex).rstrip(".") + ".", aus
    if owner is None or owner == "@":
        return "@", ""
    name = _absolute("--owner", owner)
    if not _is_absolute(owner) and _below(name, apex) is None:
        return name[:-1], ""
    try:
        return name, from_domain(name, apex=apex)
    except DomainError:
        return name, ""


def _is_absolute(name: str) -> bool:
    """Whether the name ends in a dot that is no part of a label."""
    return re.findall(r"\\?.", name, re.DOTALL)[-1:] == ["."]


def _below(name: str, apex: str) -> str | None:
    """An absolute name relative to the apex; ``None`` if it is not below it."""
    labels, ends = _LABEL.findall(name), _LABEL.findall(_absolute("--apex", apex))
    own = len(labels) - len(ends)
    # Letters of either case are the same in names (RFC 4343 §3).
    if own < 0 or [label.lower() for label in labels[own:]] != [end.lower() for end in ends]:
        return None
    return ".".join(labels[:own]) or "@"


def _absolute(option: str, name: str) -> str:
    """The name with its final dot and its escapes."""
    from .. import Naptr
    from ..errors import NaptrError

    try:
        # As a replacement it is read, and written so.
        return Naptr(order=0, preference=0, replacement=name).replacement
    except NaptrError as fault:
        raise _bad(option, str(fault).removeprefix("replacement: ")) from None


def _bad(option: str, what: str) -> typer.BadParameter:
    return typer.BadParameter(what, param_hint=option)


# ---------- What the record leads to -------------------------------------------------------------


def _target(option: str, address: str, aus: str) -> tuple[str, str]:
    """The services field and the URI of an address."""
    match option:
        case "--sip":
            return _sip(address)
        case "--tel":
            return _tel(address, aus)
        case "--mailto":
            return _mailto(address)
        case _:
            return _web(address)


def _sip(address: str) -> tuple[str, str]:
    scheme, rest = _scheme(address, ("sip", "sips"), "sip")
    found = _SIP.fullmatch(rest)
    if not found:
        raise _bad("--sip", f'found "{address}", expected a user, @ and a host: info@example.com')
    _check_port("--sip", found)
    return "E2U+sip", f"{scheme}:{rest}"


def _tel(address: str, aus: str) -> tuple[str, str]:
    from .. import TelUri
    from ..errors import UriError

    # Blanks separate in a number as people write it, and have no place in a URI.
    scheme, rest = _scheme(address.replace(" ", ""), ("tel",), "tel")
    try:
        uri = TelUri(f"{scheme}:{rest}")
    except UriError as fault:
        raise _bad("--tel", str(fault)) from None
    if not uri.is_usable:
        raise _bad("--tel", "a mandatory parameter (m-…) is unknown: nobody may use the URI")
    if uri.number == aus and "enumdi" not in uri.parameters:
        # A client would ask ENUM for the same number again (RFC 3764 §4, RFC 4759).
        raise _bad(
            "--tel", "it is the number itself, and leads in a circle: write ;enumdi behind it"
        )
    return "E2U+voice:tel", str(uri)


def _mailto(address: str) -> tuple[str, str]:
    scheme, rest = _scheme(address, ("mailto",), "mailto")
    if not _MAIL.fullmatch(rest):
        raise _bad("--mailto", f'found "{address}", expected a mail address: info@example.com')
    return "E2U+email:mailto", f"{scheme}:{rest}"


def _web(address: str) -> tuple[str, str]:
    scheme, rest = _scheme(address, ("http", "https"), "")
    found = _WEB.fullmatch(rest)
    if not scheme or not found:
        raise _bad("--web", f'found "{address}", expected a page: https://example.com/')
    _check_port("--web", found)
    return f"E2U+web:{scheme}", f"{scheme}:{rest}"


def _check_port(option: str, found: re.Match[str]) -> None:
    port = found["port"] or ""
    if len(port) > len("65535") or int(port or 0) > 65535:
        raise _bad(option, f"found port {port}, expected 0 to 65535")


def _scheme(address: str, known: tuple[str, ...], usual: str) -> tuple[str, str]:
    """The scheme in lower case and what follows; the usual one where none is written."""
    scheme, colon, rest = address.partition(":")
    if colon and scheme.lower() in known:
        return scheme.lower(), rest
    return usual, address


# ---------- The record ---------------------------------------------------------------------------


def _record(order: int, preference: int, services: str, uri: str, aus: str) -> Naptr:
    """The record, tried before it is given away."""
    from .. import Naptr, NumdipError, RuleError

    # ! is what everybody knows (RFC 6116 §5.1). No URI without a fragment has a #.
    delimiter = "#" if "!" in uri else "!"
    regexp = f"{delimiter}^.*${delimiter}{uri}{delimiter}"
    record = Naptr(order=order, preference=preference, flags="u", services=services, regexp=regexp)
    try:
        given = record.apply(aus or "+1")
    except RuleError as fault:
        raise NumdipError(f"there is no right record for {uri}: {fault}") from None
    if given != uri:
        raise NumdipError(f"there is no right record for {uri}: it would give {given}")
    return record


def _in_domain(name: str, apex: str) -> tuple[str, str | None, str]:
    """The name as DNSControl takes it, the domain that it is in, and a comment that says so.

    DNSControl refuses labels that end in a dot: each is relative to a ``D()`` or a ``D_EXTEND()``.
    The domain is ``None`` where the name is relative to who knows what.
    """
    if not _is_absolute(name):
        return name, None, ""
    label, function, domain = _below(name, apex), "D", _absolute("--apex", apex)
    if label is None:
        # Its zone is not known. This one finds the closest domain that there is.
        label, function, domain = "@", "D_EXTEND", name
    domain = domain[:-1].lower() or "."
    # A name may have */ in it, which would end the comment.
    quoted = json.dumps(domain).replace("*/", "*\\/")
    return label, domain, f"/* in {function}({quoted}, ...) */ "


def _dnscontrol(name: str, record: Naptr, ttl: int | None) -> str:
    strings = [record.flags, record.services, record.regexp, record.replacement]
    fields = [
        json.dumps(name),
        str(record.order),
        str(record.preference),
        *(json.dumps(text) for text in strings),
        *([] if ttl is None else [f"TTL({ttl})"]),
    ]
    return f"NAPTR({', '.join(fields)})"
