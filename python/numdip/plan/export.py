"""Plans written out: zone files, DNSControl's ``dnsconfig.js`` and CSV.

A zone or a ``dnsconfig.js`` holds what a server of the plan would answer, with the wildcards that
keep its meaning (:mod:`numdip.plan.wildcards`); CSV files hold its rows, and ``numdip plan build``
makes an equal plan of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import dns.exception
import dns.name

from .. import Responder, Snapshot
from ..errors import PlanError
from .export_zone import Authority, write_zone
from .outputs import refuse_inputs, require_target, whole
from .published import Contents, Zone

__all__ = ["Authority", "Exported", "Format", "export"]

Format = Literal["zone", "dnscontrol", "csv"]


class Exported(NamedTuple):
    """What was written."""

    #: The zones' names with their final dot; none for CSV.
    zones: list[str]
    #: Records of zones, rows of CSV files.
    records: int


def export(
    snapshot: Snapshot,
    output: str,
    format: Format,  # noqa: A002 - the option's name
    *,
    apex: str = "e164.arpa",
    zones: Sequence[str] = (),
    responder: Responder | None = None,
    authority: Authority | None = None,
    inputs: Sequence[str] = (),
    note: Callable[[str], None] = lambda text: None,
) -> Exported:
    """Write a plan as DNS records or as rows.

    What DNS cannot say is told to *note*: a wildcard does not know how long numbers are, so a zone
    answers for numbers of wrong lengths too, and networks that a prefix has for numbers of
    different lengths become one.

    Args:
        snapshot: the plan, layers included.
        output: the file, or for ``"csv"`` the folder, which must be new or empty. It appears whole
            or not at all; ``"-"`` is standard output. Devices and pipes are written to.
        format: ``"zone"`` is a master file (RFC 1035 §5), ``"dnscontrol"`` a ``dnsconfig.js``,
            ``"csv"`` the files that :func:`numdip.plan.build` takes.
        apex: the domain whose names stand for numbers.
        zones: the zones to write; a master file holds one. If none is named: those that the plan
            was built from, or the apex.
        responder: what it answers for numbers of a network stands for the network; that of a
            server without a configuration if not given.
        authority: name servers, mailbox and serial for zones of which the plan has no SOA and NS.
        inputs: other files that *output* must not replace, such as the configuration.
        note: told what is left out, and what is said otherwise than the plan says it.

    Raises:
        PlanError: a zone or apex is no name, it is not clear which zone is meant, there is
            nothing to write, or *output* is the snapshot or one of *inputs*.
        ConfigError: an answer has ``{number}``, which no record for many numbers can have.
        OSError: *output* cannot be written.
    """
    if format == "csv":
        from .export_rows import export_rows

        if authority not in {None, Authority()}:
            note("--ns, --hostmaster and --serial are not used: the files hold the plan's rows")
        known = _built_from(snapshot)
        return Exported([], export_rows(snapshot, output, apex=apex, zones=known, note=note))
    refuse_inputs(output, [snapshot.path, *inputs])
    require_target(output)
    contents = Contents(responder or Responder(snapshot), snapshot, _name(apex, "apex"), note)
    known = _built_from(snapshot)
    chosen = _chosen(contents, [_name(zone, "zone") for zone in zones], known, format)
    # A zone that is another's child keeps its names, unless it is a part of the numbers' tree.
    apart = [zone for zone in known if contents.origin(zone) is None]
    found = [
        Zone(contents, zone, [other for other in (*chosen, *apart) if other != zone])
        for zone in chosen
    ]
    _tell_left_out(contents, found, note)
    with whole(output) as stream:
        if format == "zone":
            records = write_zone(stream, found[0], authority or Authority(), note)
        else:
            from .export_dnscontrol import write_dnsconfig

            records = write_dnsconfig(stream, found, authority or Authority(), note)
        if not records:
            raise PlanError(f"{snapshot.path}: has nothing for {_list(chosen)}")
    return Exported([zone.to_text() for zone in chosen], records)


def _name(text: str, what: str) -> dns.name.Name:
    try:
        return dns.name.from_text(text.lower())
    except (dns.exception.DNSException, ValueError) as error:
        raise PlanError(f'{what} "{text}" is no domain name: {error}') from None


# ---------- Which zones --------------------------------------------------------------------------


def _built_from(snapshot: Snapshot) -> list[dns.name.Name]:
    """The zones of the files that the plan was built from."""
    sources = json.loads(snapshot.meta).get("sources", [])
    zones = (_name(zone, "zone") for source in sources for zone in source.get("zones", []))
    return list(dict.fromkeys(zones))


def _chosen(
    contents: Contents,
    named: list[dns.name.Name],
    known: list[dns.name.Name],
    format_: Format,
) -> list[dns.name.Name]:
    path = contents.snapshot.path
    if format_ == "zone" and len(named) > 1:
        raise PlanError("a zone file holds one zone: name one, and export again for the others")
    if named:
        return list(dict.fromkeys(named))
    chosen = known
    if contents.has_numbers_outside(chosen):
        apex = contents.apex
        chosen = [apex, *(zone for zone in known if not zone.is_subdomain(apex))]
    if not chosen:
        raise PlanError(f"{path}: name the zone to write, such as --zone example.com")
    if format_ == "zone" and len(chosen) > 1:
        raise PlanError(
            f"{path}: has names in {_list(chosen)}, and a zone file holds one zone; "
            f"choose by --zone {chosen[0].to_text(omit_final_dot=True)}"
        )
    return chosen


def _tell_left_out(contents: Contents, found: list[Zone], note: Callable[[str], None]) -> None:
    zones = [zone.name for zone in found]
    written = {name for zone in found for name, *_ in zone.named}
    left_out = sorted({name for name, *_ in contents.named} - written)
    if left_out:
        first = ", ".join(name.to_text() for name in left_out[:3])
        more = f" and {len(left_out) - 3:,} more" if len(left_out) > 3 else ""
        note(f"left out: names in none of {_list(zones)}: {first}{more}")
    count = contents.numbers_outside(zones)
    if count:
        note(f"left out: {count:,} numbers and prefixes that are in none of {_list(zones)}")


def _list(zones: Sequence[dns.name.Name]) -> str:
    return ", ".join(zone.to_text() for zone in zones)
