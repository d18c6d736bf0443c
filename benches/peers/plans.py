"""The plans that all servers get: as CSV for numdip, as a zone for its peers, and what to ask.

Two plans: ``numbers`` is ported numbers, one NAPTR record each, spread over ten thousand million;
``prefixes`` is prefixes of five to seven digits, none within another, each a wildcard in the zone.
Of the queries nine in ten are hits and one is a miss, all names are different and in no order,
since calls do not repeat either. All numbers have twelve digits, so all answers have one length.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

APEX = "e164.arpa"
DIGITS = 12
#: MCC and MNC of each network, of one length for answers of one length.
NETWORKS = [(str(200 + place), f"{place % 100:02d}") for place in range(500)]
#: What a number that is changed for a reload is moved to, and what the reflectors say of all.
MOVED, REFLECTED = ("990", "01"), ("999", "99")
SEED = 6116
QUERIES = 1_000_000
MISS_ONE_IN = 10


@dataclass(frozen=True)
class Plan:
    """Files of one plan, in a folder of its own."""

    name: str
    folder: str
    #: Ported numbers or prefixes in it.
    count: int
    #: The number whose network a reload changes; the load does not ask for it.
    probe: str
    probe_network: tuple[str, str]
    #: Parts of the plan; the one for the probe stands in a file of its own.
    rows: str
    probe_rows: str

    @property
    def queries(self) -> str:
        return os.path.join(self.folder, "queries")

    @property
    def reflected(self) -> str:
        """The same questions with what the reflectors answer."""
        return os.path.join(self.folder, "reflected")

    @property
    def names(self) -> str:
        """The same questions in the form that dnsperf takes."""
        return os.path.join(self.folder, "names")

    @property
    def zone(self) -> str:
        return os.path.join(self.folder, "zone")

    @property
    def snapshot(self) -> str:
        return os.path.join(self.folder, "plan.snap")

    @property
    def sources(self) -> list[str]:
        """What numdip builds a snapshot from."""
        names = ("ranges.csv", self.rows, self.probe_rows)
        return [os.path.join(self.folder, name) for name in dict.fromkeys(names)]


def domain(number: str) -> str:
    return f"{'.'.join(reversed(number))}.{APEX}"


def regexp(mcc: str, mnc: str, back: str = "\\1") -> str:
    return f"!^(.*)$!tel:{back};mcc={mcc};mnc={mnc}!"


def numbers(folder: str, count: int) -> Plan:
    """Ported numbers, and queries for them and for numbers between them."""
    rng = random.Random(SEED)
    asked = min(QUERIES, count)
    misses = asked // MISS_ONE_IN
    drawn = [f"44{n:010d}" for n in rng.sample(range(10**10), count + misses + 1)]
    # A range without a network, so that what is not ported is not found, as in the zone.
    header = "prefix,min_length,max_length,country,kind,mcc,mnc,operator,portable"
    write(folder, "ranges.csv", [header, f"44,{DIGITS},{DIGITS},GB,mobile,,,,true"])
    probe, ported, absent = drawn[0], drawn[1 : count + 1], drawn[count + 1 :]
    networks = [rng.randrange(len(NETWORKS)) for _ in ported]
    rows = [",".join((n, *NETWORKS[p])) for n, p in zip(ported, networks, strict=True)]
    write(folder, "ported.csv", ["number,mcc,mnc", *rows])
    plan = Plan("numbers", folder, count, probe, NETWORKS[0], "ported.csv", "probe.csv")
    write_change(plan, NETWORKS[0])
    write_zone(plan, ((domain(n), p) for n, p in zip(ported, networks, strict=True)))
    hits = list(zip(ported, networks, strict=True))[: asked - misses]
    write_queries(plan, rng, [*hits, *((number, None) for number in absent)])
    return plan


def prefixes(folder: str, count: int) -> Plan:
    """Prefixes, and queries for numbers in them and outside of all."""
    rng = random.Random(SEED)
    taken: set[str] = set()
    drawn: list[str] = []
    for length, share in ((5, 0.2), (6, 0.6), (7, 1.0)):
        while len(drawn) < count * share:
            prefix = str(rng.randrange(10 ** (length - 1), 10**length))
            if holder(prefix, taken) is None:
                taken.add(prefix)
                drawn.append(prefix)
    networks = {prefix: rng.randrange(len(NETWORKS)) for prefix in drawn}
    probe = free_prefix(rng, taken) + "0" * (DIGITS - 7)
    header = "prefix,min_length,max_length,country,kind,mcc,mnc,operator,portable"
    rows = [
        f"{p},{DIGITS},{DIGITS},GB,mobile,{','.join(NETWORKS[networks[p]])},,true" for p in drawn
    ]
    write(folder, "ranges.csv", [header, *rows])
    plan = Plan("prefixes", folder, count, probe, NETWORKS[0], "ranges.csv", "probe.csv")
    write_change(plan, NETWORKS[0])
    write_zone(plan, ((f"*.{domain(p)}", networks[p]) for p in drawn))
    misses = QUERIES // MISS_ONE_IN
    hits: dict[str, int | None] = {}
    while len(hits) < QUERIES - misses:
        prefix = rng.choice(drawn)
        hits[number_in(rng, prefix)] = networks[prefix]
    while len(hits) < QUERIES:
        number = number_in(rng, str(rng.randrange(1, 10)))
        if holder(number, taken) is None and number[:7] != probe[:7]:
            hits[number] = None
    write_queries(plan, rng, list(hits.items()))
    return plan


def number_in(rng: random.Random, prefix: str) -> str:
    left = DIGITS - len(prefix)
    return f"{prefix}{rng.randrange(10**left):0{left}d}"


def holder(number: str, taken: set[str]) -> str | None:
    """The prefix of *taken* that a number is in."""
    return next((number[:n] for n in range(5, 8) if number[:n] in taken), None)


def free_prefix(rng: random.Random, taken: set[str]) -> str:
    while True:
        prefix = str(rng.randrange(10**6, 10**7))
        if holder(prefix, taken) is None:
            return prefix


# ---------- Files --------------------------------------------------------------------------------


def write(folder: str, name: str, lines: Iterable[str]) -> None:
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w") as file:
        file.writelines(f"{line}\n" for line in lines)


def record(name: str, network: tuple[str, str]) -> str:
    # A backslash is written twice in a zone file (RFC 1035 §5.1).
    text = regexp(*network, back="\\\\1")
    return f'{name}. NAPTR 10 50 "u" "E2U+pstn:tel" "{text}" .'


def head(serial: int) -> list[str]:
    return [
        f"$ORIGIN {APEX}.",
        "$TTL 3",
        f"@ SOA ns hostmaster {serial} 3600 600 86400 60",
        "@ NS ns",
        "ns A 127.0.0.1",
    ]


def write_zone(plan: Plan, records: Iterable[tuple[str, int]]) -> None:
    """The zone without its beginning; :func:`write_change` puts both together."""
    write(plan.folder, "records", (record(name, NETWORKS[place]) for name, place in records))
    write_change(plan, plan.probe_network, serial=1)


def write_change(plan: Plan, network: tuple[str, str], serial: int | None = None) -> None:
    """The probe's network, as a row for numdip and, with a serial number, in the zone."""
    write(plan.folder, plan.probe_rows, ["number,mcc,mnc", ",".join((plan.probe, *network))])
    if serial is None:
        return
    temporary = plan.zone + ".new"
    with open(temporary, "wb") as zone, open(os.path.join(plan.folder, "records"), "rb") as records:
        lines = [*head(serial), record(domain(plan.probe), network), ""]
        zone.write("\n".join(lines).encode())
        while octets := records.read(1 << 20):
            zone.write(octets)
    os.replace(temporary, plan.zone)


def write_empty(folder: str) -> Plan:
    """A plan with the probe's number only: what a server takes without data."""
    plan = Plan("empty", folder, 1, "440000000000", NETWORKS[0], "ranges.csv", "probe.csv")
    header = "prefix,min_length,max_length,country,kind,mcc,mnc,operator,portable"
    write(folder, "ranges.csv", [header, f"44,{DIGITS},{DIGITS},GB,mobile,,,,true"])
    write_zone(plan, [])
    return plan


def write_queries(plan: Plan, rng: random.Random, asked: list[tuple[str, int | None]]) -> None:
    rng.shuffle(asked)
    names = [domain(number) for number, _ in asked]
    answers = [answer(place, *network) for place, network in enumerate(NETWORKS)]
    expected = ("-" if place is None else str(place) for _, place in asked)
    write(plan.folder, "queries", [*answers, *joined(names, expected)])
    write(plan.folder, "reflected", [answer(0, *REFLECTED), *joined(names, ["0"] * len(names))])
    write(plan.folder, "names", joined(names, ["NAPTR"] * len(names)))


def answer(place: int, mcc: str, mnc: str) -> str:
    return f"answer {place} 10 50 u E2U+pstn:tel {regexp(mcc, mnc)}"


def joined(names: list[str], words: Iterable[str]) -> Iterator[str]:
    return map(" ".join, zip(names, words, strict=True))
