"""A plan that numdip serves and its zone file that NSD serves are asked the same questions."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest

from subjects import Nsd, Numdip, Subject, numdip, query

#: Prefixes within prefixes, one of them without a network; the length of their numbers.
RANGES = {
    "44": ("234", "30", 12),
    "4477": ("234", "15", 12),
    "447786": ("234", "10", 12),
    "44778612": ("", "", 12),
    "1": ("310", "012", 11),
    "1212": ("310", "120", 11),
    "431": ("232", "01", 13),
}
RULES = {
    "+4420*": r"!^\+44(.*)$!sip:\1@london.example!",
    "+447786123*": r"!^(.*)$!tel:\1!",
    "+49*": "!^.*$!sip:all@de.example!",
}


def digits(rng: random.Random, prefix: str, length: int) -> str:
    return prefix + "".join(rng.choices("0123456789", k=length - len(prefix)))


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan with all that makes wildcards and longest prefixes differ."""
    folder = tmp_path_factory.mktemp("plan")
    rng = random.Random(7)
    ranges = [f"{p},{n},{n},{mcc},{mnc}" for p, (mcc, mnc, n) in RANGES.items()]
    (folder / "ranges.csv").write_text(
        "\n".join(["prefix,min_length,max_length,mcc,mnc", *ranges]) + "\n"
    )
    prefixes = list(RANGES)
    ported = {digits(rng, p, RANGES[p][2]) for p in rng.choices(prefixes, k=400)}
    rows = [f"{number},234,{rng.choice(['20', '33', '86'])}" for number in sorted(ported)]
    (folder / "ported.csv").write_text("\n".join(["number,mcc,mnc", *rows]) + "\n")
    own = {digits(rng, p, RANGES[p][2]) for p in rng.choices(prefixes, k=100)}
    records = [f"{name},E2U+sip,{rule},u,300" for name, rule in RULES.items()]
    records += [f"+{n},E2U+sip,!^.*$!sip:u{n}@x.example!,u,60" for n in sorted(own)]
    (folder / "records.csv").write_text(
        "\n".join(["name,services,regexp,flags,ttl", *records]) + "\n"
    )
    (folder / "names.zone").write_text(
        "$ORIGIN e164.arpa.\n$TTL 60\nns A 192.0.2.1\n"
        '_sip._udp SRV 1 2 5060 ns\n8.7.7.4.4 TXT "t"\n'
    )
    names = ["ranges.csv", "ported.csv", "records.csv", "names.zone"]
    numdip("plan", "build", *(folder / name for name in names), "-o", folder / "plan.snap")
    return folder / "plan.snap"


@pytest.fixture(scope="module")
def zone(plan: Path) -> Path:
    options = ("--ns", "ns.e164.arpa", "--hostmaster", "hostmaster@e164.arpa")
    numdip("plan", "export", plan, "-o", plan.with_name("out.zone"), *options)
    return plan.with_name("out.zone")


@pytest.fixture(scope="module")
def servers(plan: Path, zone: Path) -> Iterator[list[Subject]]:
    running = [Numdip(plan.parent, plan), Nsd(plan.parent, zone.read_text())]
    yield running
    for server in running:
        server.stop()


def test_named_checkzone_finds_nothing(zone: Path) -> None:
    checkzone = shutil.which("named-checkzone") or shutil.which(
        "named-checkzone", path="/usr/sbin:/usr/bin"
    )
    assert checkzone is not None, "named-checkzone is missing: apt-get install bind9-utils"
    done = subprocess.run(
        [checkzone, "-i", "full", "e164.arpa", str(zone)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "OK"
    assert len(done.stdout.splitlines()) == 2, done.stdout


def test_thousands_of_questions_are_answered_alike(plan: Path, servers: list[Subject]) -> None:
    rng = random.Random(1)
    ours, theirs = servers
    listed = [
        line.lstrip("+").split(",")[0]
        for name in ("ported.csv", "records.csv")
        for line in plan.with_name(name).read_text().splitlines()[1:]
        if "*" not in line.partition(",")[0]
    ]
    found: dict[str, int] = {}
    for _ in range(5_000):
        if rng.random() < 0.4:
            # A listed number, or one that shares its first digits.
            number = rng.choice(listed)
            kept = rng.choice([len(number), rng.randint(3, len(number))])
            number = digits(rng, number[:kept], len(number))
        else:
            prefix = rng.choice([*RANGES, "4420", "49", "447786123", "46"])
            length = next((RANGES[p][2] for p in RANGES if prefix.startswith(p)), 12)
            number = digits(rng, prefix, length)
        one, other = (server.ask(query(f"+{number}")) for server in (ours, theirs))
        assert one.answer == other.answer, number
        assert [s.ttl for s in one.answer] == [s.ttl for s in other.answer], number
        # Where there is no record, a zone tells a name that exists from one that does not.
        assert one.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
        kind = str(one.answer[0][0]).split()[4] if one.answer else "none"
        found[kind] = found.get(kind, 0) + 1
    assert len(found) > 50
    assert found["none"] > 50


def test_other_records_are_served_too(servers: list[Subject]) -> None:
    import dns.message

    for name, rtype in (("ns", "A"), ("_sip._udp", "SRV"), ("8.7.7.4.4", "TXT")):
        asked = dns.message.make_query(f"{name}.e164.arpa", rtype)
        one, other = (server.ask(asked) for server in servers)
        assert len(one.answer) == 1
        assert one.answer == other.answer
