"""Zone files as plan files: read as dnspython reads them, faults told with line and mend."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

import numdip
from conftest import Command, WriteFile
from numdip import PlanError
from numdip.plan import build
from numdip.plan.dns_files import is_zone_file
from numdip.plan.zone_files import ZoneFile

HEAD = (
    "$ORIGIN e164.arpa.\n$TTL 3600\n@ SOA ns.example. root.example. 1 2 3 4 5\n@ NS ns.example.\n"
)
RULE = r'10 100 "u" "E2U+sip" "!^\\+44(.*)$!sip:\\1@gw.example!" .'


def read(
    path: Path, origin: str | None = None, skipped: list[str] | None = None
) -> tuple[list[tuple[int, bytes, int, int, bytes]], ZoneFile, list[str]]:
    notes: list[str] = []
    file = ZoneFile(str(path), origin=origin, note=notes.append, progress=lambda octets: None)
    return [record for batch in file.batches(skipped) for record in batch], file, notes


# ---------- The same as another reader -----------------------------------------------------------

LABEL = st.from_regex(r"[a-z0-9_*-]{1,8}", fullmatch=True).filter(lambda text: text != "*")
NAME = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
TEXT = st.text('ab !^.*$\\1;()"é+:@', max_size=12)


def quoted(text: str) -> str:
    """A character string of a master file; octets beyond ASCII as escapes, now and then."""
    out = ""
    for octet in text.encode():
        if octet in b'"\\':
            out += "\\" + chr(octet)
        else:
            out += chr(octet) if 32 <= octet < 127 else f"\\{octet:03}"
    return f'"{out}"'


@st.composite
def data(draw: st.DrawFn) -> tuple[str, str]:
    name = draw(NAME) + draw(st.sampled_from(["", ".", ".example."]))
    match draw(st.sampled_from(["NAPTR", "NAPTR", "SRV", "A", "AAAA", "TXT", "CNAME", "MX"])):
        case "NAPTR":
            strings = [quoted(draw(st.sampled_from(["", "u", "s"]))), quoted(draw(TEXT))]
            regexp = quoted(draw(st.sampled_from(["", r"!^(.*)$!sip:\1@x.example!", "!.!a;b!"])))
            replacement = draw(st.sampled_from([".", name]))
            numbers = f"{draw(st.integers(0, 65535))} {draw(st.integers(0, 65535))}"
            return "NAPTR", f"{numbers} {' '.join(strings)} {regexp} {replacement}"
        case "SRV":
            return "SRV", f"{draw(st.integers(0, 65535))} 0 5060 {name}"
        case "A":
            return "A", "192.0.2.1"
        case "AAAA":
            return "AAAA", "2001:db8::1"
        case "TXT":
            return "TXT", f"{quoted(draw(TEXT))} {quoted(draw(TEXT))}"
        case "MX":
            return "MX", f"10 {name}"
        case rtype:
            return rtype, name


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """Records as people write them, one each."""
    found = []
    for i in range(draw(st.integers(1, 8))):
        rtype, rdata = draw(data())
        owner = draw(st.sampled_from([f"n{i}", f"n{i}.e164.arpa.", f"{i}.3.2.1", f"N{i}.x"]))
        ttl = draw(st.sampled_from(["", "300", "1h", "0"]))
        klass = draw(st.sampled_from(["", "IN", "in"]))
        middle = draw(st.permutations([ttl, klass]))
        shape = draw(st.integers(0, 3))
        if shape == 1:
            rdata = f"( ; and\n {rdata} ; so\n on )".replace("\n on", "\n")
        elif shape == 2:
            rdata += "\t; a comment (of a kind"
        blank = draw(st.sampled_from([" ", "\t", "  \t"]))
        found.append(blank.join(part for part in [owner, *middle, rtype, rdata] if part))
    return found


@given(lines())
def test_records_are_read_as_dnspython_reads_them(
    tmp_path_factory: pytest.TempPathFactory, written: list[str]
) -> None:
    path = tmp_path_factory.mktemp("zone") / "db.zone"
    path.write_text(HEAD + "\n".join(written) + "\n")
    ours, file, notes = read(path)
    zone = dns.zone.from_text(path.read_text(), relativize=False, check_origin=False)
    theirs = {
        (name.to_wire(), rdata.rdtype, ttl, rdata.to_wire())
        for name, ttl, rdata in zone.iterate_rdatas()
    }
    # dnspython gives records of one set one TTL, so that is left out here.
    assert {(owner.lower(), rtype, wire) for _, owner, rtype, _, wire in ours} == {
        (owner.lower(), rtype, wire) for owner, rtype, _, wire in theirs if owner is not None
    }
    text = path.read_text().split("\n")
    for line, owner, *_ in ours[2:]:
        first = dns.name.from_wire(owner, 0)[0].labels[0].decode()
        assert text[line - 1].lower().startswith(first.lower())
    assert file.zones == ["e164.arpa."]
    assert all("no NAPTR record in this file: the plan's prefixes answer" in note for note in notes)


@given(st.binary(max_size=60), st.integers(0, 200))
def test_any_octets_are_read_or_told(
    tmp_path_factory: pytest.TempPathFactory, octets: bytes, at: int
) -> None:
    path = tmp_path_factory.mktemp("zone") / "db.zone"
    whole = f'{HEAD}1.2 NAPTR {RULE}\nx SRV ( 1 2\n 3 y )\nz TXT "a" b ; c\n'.encode()
    path.write_bytes(whole[:at] + octets + whole[at:])
    skipped: list[str] = []
    try:
        read(path, skipped=skipped)
    except PlanError as error:
        skipped.append(str(error))
    assert all(re.match(rf"{re.escape(str(path))}(:\d+)?: .", fault) for fault in skipped)


# ---------- Master files -------------------------------------------------------------------------


def test_ttls_come_from_the_record_the_directive_or_the_record_before(write: WriteFile) -> None:
    text = "$ORIGIN x.\na 5 A 192.0.2.1\nb A 192.0.2.1\n$TTL 1m\nc A 192.0.2.1\nd 2h A 192.0.2.1\n"
    records, _, _ = read(write("a.zone", text + "  A 192.0.2.2\n"))
    assert [record[3] for record in records] == [5, 5, 60, 7200, 60]
    assert records[3][1] == records[4][1]


def test_the_ttl_of_a_zone_without_any_is_the_last_field_of_its_soa(write: WriteFile) -> None:
    records, _, _ = read(write("a.zone", "$ORIGIN x.\n@ SOA a. b. 1 2 3 4 77\nc A 192.0.2.1\n"))
    assert [record[3] for record in records] == [77, 77]


def test_relative_origins_and_an_origin_of_the_command(write: WriteFile) -> None:
    path = write("a.zone", "$TTL 1\n1 A 192.0.2.1\n$ORIGIN 2\n1 A 192.0.2.1\n@ A 192.0.2.1\n")
    records, file, _ = read(path, origin="e164.arpa")
    owners = [dns.name.from_wire(owner, 0)[0].to_text() for _, owner, *_ in records]
    assert owners == ["1.e164.arpa.", "1.2.e164.arpa.", "2.e164.arpa."]
    assert file.zones == ["e164.arpa."]


def test_what_belongs_to_dnssec_is_left_out_and_told(write: WriteFile) -> None:
    signed = "x 5 RRSIG A 8 2 5 20300101000000 20200101000000 1 x. AAAA\nx 5 NSEC y.x. A\n"
    records, _, notes = read(write("a.zone", f"$ORIGIN .\n{signed}{signed}x 5 A 192.0.2.1\n"))
    assert len(records) == 1
    assert len(notes) == 1
    assert "left out records of DNSSEC, which are not served: 2 RRSIG, 2 NSEC" in notes[0]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1 NAPTR " + RULE.removesuffix(" ."), "; expected ORDER PREFERENCE"),
        ('1 NAPTR 10 x "u" "E2U+sip" "" .', "x|preference"),
        ("1 A 192.0.2.256", "not the data of a A record"),
        ("1 NOSUCH 1", '"NOSUCH" is no record type'),
        ("1 CH TXT a", "class CH"),
        ("1", "no record type: expected NAME TTL IN TYPE DATA"),
        ('1 TXT "a', "quote is not closed"),
        ("1 TXT ( a", r'"\(" is not closed'),
        ("1 TXT a )", r'"\)" closes nothing'),
        ("$INCLUDE other", "named-compilezone -o whole.zone ORIGIN a.zone"),
        ("$GENERATE 1-9 $ A 192.0.2.$", "named-compilezone"),
        ("$ORIGIN", "takes one value, found 0"),
        ("$TTL soon", "no count of seconds"),
        ("$NOSUCH 1", "no directive"),
        ("a..b A 192.0.2.1", "is no name"),
        (f"{'a' * 64} A 192.0.2.1", "is no name"),
        (f"{'.'.join(['abcdefgh'] * 30)} NAPTR {RULE}", "is no name"),
        ("1 1x A 192.0.2.1", '"1x" is no TTL'),
    ],
)
def test_a_fault_names_file_line_and_mend(
    write: WriteFile, complaint: Callable[..., str], line: str, told: str
) -> None:
    path = write("a.zone", f"{HEAD}\n{line}\n")
    message = complaint(path)
    assert message.startswith(f"{path}:6: ")
    assert re.search(told, message), message


def test_names_of_numbers_without_naptr_records_are_told(write: WriteFile, tmp_path: Path) -> None:
    text = (
        f'{HEAD}*.2.1 NAPTR {RULE}\n3.2.1 60 TXT "no answer"\n4.2.1 TXT a\n4.2.1 TXT b\n'
        f"5.2.1 TXT a\nns.6 A 192.0.2.1\n6.2.1 NAPTR {RULE}\n5.2.1.E164.arpa. NAPTR {RULE}\n"
        "6.2.1 TXT a\n$ORIGIN 7.e164.arpa.\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n"
    )
    path = write("a.zone", text)
    notes: list[str] = []
    build([str(path)], str(tmp_path / "a.snap"), note=notes.append)
    told = "names of numbers have no NAPTR record in this file: the plan's prefixes answer for them"
    assert notes == [f"{path}: 2 {told}"]
    notes.clear()
    build([str(path)], str(tmp_path / "a.snap"), note=notes.append, apex=["1.e164.arpa"])
    assert notes == [f"{path}: 2 {told}"]


def test_all_faults_are_told_beside_those_of_rows(
    write: WriteFile, tmp_path: Path, report: Callable[..., str], numdip_command: Command
) -> None:
    zone = write("a.zone", HEAD + "1 A x\n2 A 192.0.2.1\n3 NOSUCH 1\n")
    js = write("dnsconfig.js", 'D("a.x", "r",\n  A("a", "b"),\n  A("c.", "192.0.2.1"));\n')
    rows = write("p.csv", "number,mcc,mnc\nx,234,15\n447700900123,234,15\n")
    before = sorted(tmp_path.iterdir())
    *faults, summary = report(zone, rows, js).splitlines()
    assert [fault.removeprefix(str(tmp_path)).split(" ")[0] for fault in faults] == [
        *("/a.zone:5:", "/a.zone:7:", "/dnsconfig.js:2:", "/dnsconfig.js:3:", "/p.csv:2:")
    ]
    assert summary.startswith("5 rows are bad and nothing was written: mend them, or leave them")
    write("a.zone", HEAD + "1 A x\n" * 120)
    *faults, more, summary = report(zone, rows).splitlines()
    assert len(faults) == 100
    assert more == "… and 21 more"
    assert summary.startswith("121 rows are bad")
    assert sorted(tmp_path.iterdir()) == before
    assert numdip_command("plan", "build", zone, "-o", tmp_path / "a.snap").returncode == 1


@pytest.mark.parametrize(
    "line", ["1 5 A 192.0.2.1", f"1 5 NAPTR {RULE}", "1. 5 CNAME x", '1. 5 NAPTR 1 1 s a "" x']
)
def test_a_relative_name_needs_an_origin(
    write: WriteFile, complaint: Callable[..., str], line: str
) -> None:
    path = write("a.zone", f"{line}\n")
    assert complaint(path).startswith(f"{path}:1: ")
    assert "relative, and to what is not known: end it with a dot" in complaint(path)
    assert read(path, origin="x")[0]


def test_absolute_names_need_no_origin(write: WriteFile) -> None:
    records, _, _ = read(write("a.zone", f"1.2.e164.arpa. 5 IN NAPTR {RULE}\nx. 5 SRV 1 1 1 y.\n"))
    assert len(records) == 2


def test_a_record_without_end_does_not_fill_the_memory(write: WriteFile) -> None:
    with pytest.raises(PlanError, match=r"a.zone:2: a record of over 1 MiB"):
        read(write("a.zone", "$TTL 1\n1 TXT (" + "\n a" * 700_000))
    with pytest.raises(PlanError, match=r"b.zone:2: a record of over 1 MiB"):
        read(write("b.zone", "$TTL 1\n" + "a" * 3_000_000))


# ---------- In a plan ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "is_zone"),
    [
        ("e164.arpa.zone", "", True),
        ("db.e164.arpa", "", True),
        ("named.db", "", True),
        ("zone.gz", gzip.compress(b"; a zone\n"), True),
        ("a", "\n; a zone\n", True),
        ("a", "$ttl 5\n", True),
        ("a", "1.2.e164.arpa. 5 IN NAPTR\n", True),
        ("a", "@ SOA a. b. (\n", True),
        ("a", "name,services,regexp\n+44,E2U+sip,!.*!a!\n", False),
        ("a.csv", "; a zone\n", False),
        ("a", "", False),
        ("a", b"PAR1", False),
    ],
)
def test_zone_files_are_known_by_name_or_by_how_they_begin(
    write: WriteFile, name: str, text: str | bytes, *, is_zone: bool
) -> None:
    assert is_zone_file(str(write(name, text))) is is_zone


def test_a_zone_is_a_plan(write: WriteFile, tmp_path: Path) -> None:
    text = (
        f"{HEAD}*.4.4 NAPTR {RULE}\n3.2.1.4.4 NAPTR {RULE.replace('gw', 'own')}\nns A 192.0.2.1\n"
    )
    for path in (write("a.zone", text), write("db.gz", gzip.compress(text.encode()))):
        built = build([str(path)], str(tmp_path / "a.snap"))
        assert (built.records, built.faults) == (5, [])
        db = numdip.open(tmp_path / "a.snap")
        (record,) = db.records("+441632960083")
        assert record.apply("+441632960083") == "sip:1632960083@gw.example"
        assert db.records("+44123")[0].apply("+44123") == "sip:123@own.example"
        assert '"zones": ["e164.arpa."]' in db.meta


def test_bad_records_are_left_out_on_demand(write: WriteFile, tmp_path: Path) -> None:
    path = write("a.zone", f"{HEAD}x A nowhere\n1.4 NAPTR {RULE}\ny A 192.0.2.1\n* A 192.0.2.1\n")
    built = build([str(path)], str(tmp_path / "a.snap"), on_error="skip")
    assert (built.records, built.left_out) == (4, 2)
    assert [fault.partition(": ")[0] for fault in built.faults] == [f"{path}:5", f"{path}:8"]


def test_the_command_takes_an_origin(
    write: WriteFile, tmp_path: Path, numdip_command: Command
) -> None:
    path = write("block", f"$TTL 60\n*.4.4 IN NAPTR {RULE}\n")
    out = tmp_path / "a.snap"
    done = numdip_command("plan", "build", path, "-o", out)
    assert done.returncode == 1
    assert f"{path}:2: " in done.stderr
    done = numdip_command("plan", "build", path, "-o", out, "--origin", "e164.arpa")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(numdip.open(out).records("+441")) == 1
