"""Plans written out: a zone answers as the server does, and rows build an equal plan."""

from __future__ import annotations

import json
import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import dns.message
import dns.rdatatype
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import numdip
from conftest import Command, WriteFile
from naive_zone import NaiveZone
from numdip import PlanError
from numdip.plan import apply, build
from numdip.plan.export import Authority, export

AUTHORITY = Authority(("ns.example.",), "hostmaster@example.com", 7)

# ---------- Random plans -------------------------------------------------------------------------

#: Few digits, so that prefixes, numbers and records meet.
DIGITS = st.text("12", min_size=1, max_size=5)
NETWORKS = st.sampled_from([("234", "15"), ("310", "012"), ("262", ""), ("", "")])


@st.composite
def files(draw: st.DrawFn) -> dict[str, str]:
    """Ranges of one length each, ported numbers, and records of numbers and prefixes."""
    length = draw(st.integers(6, 8))
    found = {}
    if ranges := draw(st.dictionaries(DIGITS, NETWORKS, max_size=6)):
        rows = (f"{p},{length},{length},{mcc},{mnc}" for p, (mcc, mnc) in ranges.items())
        found["ranges.csv"] = "\n".join(["prefix,min_length,max_length,mcc,mnc", *rows])
    full = st.text("12", min_size=length, max_size=length)
    if ported := draw(st.dictionaries(full, NETWORKS, max_size=4)):
        rows = (f"{number},{mcc},{mnc},An “operator”,1A" for number, (mcc, mnc) in ported.items())
        found["ported.csv"] = "\n".join(["number,mcc,mnc,operator,spid", *rows])
    owners = draw(
        st.sets(DIGITS.map(lambda digits: f"+{digits}*") | full.map("+{}".format), max_size=6)
    )
    if owners:
        written = []
        for owner in sorted(owners):
            for user in draw(st.sets(st.sampled_from("abc"), min_size=1)):
                ttl = draw(st.sampled_from(["", "60"]))
                written.append(
                    f'{owner},10,{ord(user)},u,E2U+sip,"!^(.*)$!sip:{user},\\1@x.example!",{ttl}'
                )
        found["records.csv"] = "\n".join(
            ["name,order,preference,flags,services,regexp,ttl", *written]
        )
    if draw(st.booleans()):
        names = draw(st.sets(DIGITS.map(lambda digits: ".".join(reversed(digits))), max_size=3))
        lines = ["$ORIGIN e164.arpa.", "$TTL 60", "ns A 192.0.2.1", "_sip._udp SRV 1 2 5060 ns"]
        lines += [f'{name} TXT "there; too"' for name in sorted(names)]
        found["names.zone"] = "\n".join(lines)
    if not found:
        found["ranges.csv"] = "prefix,min_length,max_length,mcc,mnc\n1,6,6,234,15"
    return found


def plan(folder: Path, texts: dict[str, str]) -> numdip.Snapshot:
    for name, text in texts.items():
        (folder / name).write_text(text + "\n")
    path = folder / "a.snap"
    build([str(folder / name) for name in texts], str(path), on_duplicate="last")
    return numdip.open(path)


def answer(responder: numdip.Responder, number: str) -> tuple[int, set[str]] | None:
    """TTL and records that the server gives for a number."""
    query = dns.message.make_query(numdip.to_domain(f"+{number}"), dns.rdatatype.NAPTR)
    octets = responder.respond(query.to_wire(), transport="tcp")
    assert octets is not None
    for found in dns.message.from_wire(octets).answer:
        return found.ttl, {rdata.to_text() for rdata in found}
    return None


def asked(texts: dict[str, str]) -> list[str]:
    """Numbers of valid lengths, many of them beside those that the plan names."""
    rng = random.Random(1)
    found = ["".join(rng.choices("12", k=rng.randint(6, 8))) for _ in range(60)]
    found += [line.split(",")[0] for line in texts.get("ported.csv", "").splitlines()[1:]]
    # A number that a range speaks for is asked in the length that all ranges have.
    ranges = [line.split(",") for line in texts.get("ranges.csv", "").splitlines()[1:]]
    return [
        number
        for number in found
        if not any(number.startswith(row[0]) and str(len(number)) != row[1] for row in ranges)
    ]


@settings(max_examples=25)
@given(files())
def test_a_zone_answers_as_the_server_does(
    tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("zone")
    snapshot = plan(folder, texts)
    path = str(folder / "out.zone")
    responder = numdip.Responder(snapshot)
    try:
        export(snapshot, path, "zone", zones=["e164.arpa"], authority=AUTHORITY)
    except PlanError as error:
        # Networks of which too little is known have no records.
        assert "has nothing for e164.arpa." in str(error)  # noqa: PT017
        assert all(answer(responder, number) is None for number in asked(texts))
        return
    zone = NaiveZone(Path(path).read_text())
    for number in asked(texts):
        assert answer(responder, number) == zone.naptr(numdip.to_domain(f"+{number}")), number
    if None in responder.network_answers():
        return  # numbers without an answer are none of a zone's records, so it cannot give them on
    built = folder / "again.snap"
    build([path], str(built))
    again = numdip.Responder(numdip.open(built))
    for number in asked(texts):
        assert answer(responder, number) == answer(again, number), number


@settings(max_examples=12)
@given(files())
def test_a_dnsconfig_says_what_the_zone_says(
    tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("js")
    # Without records there is nothing to write.
    texts = {"own.csv": "name,services,regexp\n+9*,E2U+sip,!.*!sip:a@x.example!", **texts}
    snapshot = plan(folder, texts)
    found = []
    for form, name in (("zone", "a.zone"), ("dnscontrol", "dnsconfig.js")):
        export(snapshot, str(folder / name), form, zones=["e164.arpa"], authority=AUTHORITY)  # type: ignore[arg-type]
        build([str(folder / name)], str(folder / "again.snap"))
        sets = numdip.open(folder / "again.snap").record_sets()
        # DNSControl makes SOA and NS records itself.
        found.append([one for one in sets if one[1] not in {2, 6}])
    assert found[0] == found[1]


@settings(max_examples=12)
@given(files())
def test_rows_build_an_equal_plan(
    tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    snapshot = plan(folder, texts)
    out = folder / "rows"
    rows = export(snapshot, str(out), "csv").records
    again = folder / "again.snap"
    built = build([str(path) for path in sorted(out.iterdir())], str(again))
    assert rows == built.ranges + built.ported + built.records
    other = numdip.open(again)
    assert other.record_sets() == snapshot.record_sets()
    assert numdip._native.list_ranges(other) == numdip._native.list_ranges(snapshot)
    for number in [*asked(texts), "1", "12"]:
        assert other.lookup(number) == snapshot.lookup(number)


# ---------- What stands where --------------------------------------------------------------------


@pytest.fixture
def block(tmp_path: Path) -> numdip.Snapshot:
    """A range, and one number of it that was ported."""
    return plan(
        tmp_path,
        {
            "ranges.csv": "prefix,min_length,max_length,mcc,mnc\n1212,11,11,310,012",
            "ported.csv": "number,mcc,mnc\n12125551234,310,120",
        },
    )


def zone_lines(
    snapshot: numdip.Snapshot, tmp_path: Path, **options: object
) -> tuple[list[str], list[str]]:
    notes: list[str] = []
    path = tmp_path / "out.zone"
    export(snapshot, str(path), "zone", note=notes.append, **options)  # type: ignore[arg-type]
    return path.read_text().splitlines(), notes


def test_neighbours_of_a_ported_number_keep_their_wildcard(
    block: numdip.Snapshot, tmp_path: Path
) -> None:
    lines, _ = zone_lines(block, tmp_path, authority=AUTHORITY)
    assert lines[1:5] == [
        "$ORIGIN e164.arpa.",
        "$TTL 3600",
        "@\t3600\tIN\tSOA\tns.example. hostmaster.example.com. 7 3600 600 1209600 60",
        "@\t3600\tIN\tNS\tns.example.",
    ]
    owners = [line.split("\t")[0] for line in lines[5:]]
    assert owners == [
        "*.2.1.2.1",
        "*.5.2.1.2.1",
        "*.5.5.2.1.2.1",
        "*.5.5.5.2.1.2.1",
        "*.1.5.5.5.2.1.2.1",
        "*.2.1.5.5.5.2.1.2.1",
        "*.3.2.1.5.5.5.2.1.2.1",
        "4.3.2.1.5.5.5.2.1.2.1",
    ]
    assert lines[5].split("\t")[1:] == [
        *("3", "IN", "NAPTR"),
        r'10 50 "u" "E2U+pstn:tel" "!^(.*)$!tel:\\1;mcc=310;mnc=012!" .',
    ]


def test_dots_of_a_mailbox_are_escaped(block: numdip.Snapshot, tmp_path: Path) -> None:
    authority = Authority(("ns.example.",), "first.last@example.com")
    lines, _ = zone_lines(block, tmp_path, authority=authority)
    assert "ns.example. first\\.last.example.com. " in lines[3]


def test_layers_count(block: numdip.Snapshot, tmp_path: Path, write: WriteFile) -> None:
    rows = "number,action,mcc,mnc\n12125551234,remove,,\n12125551239,add,310,410\n"
    apply(block.path, [str(write("delta.csv", rows))])
    snapshot = numdip.open(block.path)
    lines, _ = zone_lines(snapshot, tmp_path)
    assert lines[-1].startswith("9.3.2.1.5.5.5.2.1.2.1\t")
    assert "mnc=410" in lines[-1]
    assert not any(line.startswith("4.3.2.1") for line in lines)
    export(snapshot, str(tmp_path / "rows"), "csv")
    assert (tmp_path / "rows" / "ported.csv").read_text().splitlines()[1:] == [
        "12125551239,310,410,,,,"
    ]


def test_the_configuration_says_how_networks_answer(block: numdip.Snapshot, tmp_path: Path) -> None:
    answers = numdip.Responder(
        block, ttl=60, services="E2U+pstn", regexp="!^(.*)$!tel:\\1;mnc={mnc3}!"
    )
    lines, _ = zone_lines(block, tmp_path, responder=answers)
    assert '\t60\tIN\tNAPTR\t10 50 "u" "E2U+pstn" "!^(.*)$!tel:\\\\1;mnc=120!" .' in lines[-1]


def test_an_answer_of_several_records_is_written_whole(
    block: numdip.Snapshot, tmp_path: Path
) -> None:
    records: list[dict[str, str | int]] = [
        {"services": "E2U+pstn:tel", "regexp": "!^(.*)$!tel:\\1;mnc={mnc}!"},
        {"order": 20, "services": "E2U+sip", "regexp": "!^(.*)$!sip:\\1@{mcc}.example!"},
    ]
    lines, _ = zone_lines(block, tmp_path, responder=numdip.Responder(block, record=records))
    assert [line.split("\t")[0] for line in lines[-2:]] == ["4.3.2.1.5.5.5.2.1.2.1"] * 2
    assert "mnc=120" in lines[-2]
    assert "@310.example" in lines[-1]


def test_an_answer_that_names_the_number_cannot_stand_for_many(
    block: numdip.Snapshot, tmp_path: Path
) -> None:
    answers = numdip.Responder(block, regexp="!^.*$!tel:{number};mnc={mnc}!")
    with pytest.raises(
        numdip.ConfigError, match=r"{number} is another one for each number, .* by a group"
    ):
        zone_lines(block, tmp_path, responder=answers)
    assert not (tmp_path / "out.zone").exists()


def test_placeholders_are_told(block: numdip.Snapshot, tmp_path: Path) -> None:
    lines, notes = zone_lines(block, tmp_path)
    assert "ns.placeholder.invalid. hostmaster.placeholder.invalid." in lines[3]
    (note,) = notes
    assert note.startswith("e164.arpa. has placeholders in SOA and NS records, names in placeh")
    assert note.endswith(": give --ns and --hostmaster")


def test_what_lengths_tell_apart_is_told(tmp_path: Path) -> None:
    ranges = "prefix,min_length,max_length,mcc,mnc\n44,9,9,234,15\n44,10,12,234,30\n45,8,8,238,01"
    lines, notes = zone_lines(plan(tmp_path, {"ranges.csv": ranges}), tmp_path, authority=AUTHORITY)
    assert len(lines) == 7
    assert "mnc=30" in lines[5]
    assert len(notes) == 1
    assert notes[0].startswith("prefixes whose numbers have other networks by their length: 44; ")


def test_records_and_networks_of_one_prefix(tmp_path: Path) -> None:
    ranges = "prefix,min_length,max_length,mcc,mnc\n44,12,12,234,15\n4420,12,12,234,30"
    records = "name,services,regexp\n+44*,E2U+sip,!^.*$!sip:a@x.example!"
    texts = {"ranges.csv": ranges, "records.csv": records}
    lines, _ = zone_lines(plan(tmp_path, texts), tmp_path, authority=AUTHORITY)
    assert [line.split("\t")[0] for line in lines[5:]] == ["*.4.4", "*.2.4.4", "*.0.2.4.4"]
    assert "sip:a" in lines[5]
    assert "mnc=30" in lines[7]


def test_a_zone_below_the_apex_has_what_is_in_it(block: numdip.Snapshot, tmp_path: Path) -> None:
    lines, notes = zone_lines(
        block, tmp_path, zones=["3.2.1.5.5.5.2.1.2.1.e164.arpa"], authority=AUTHORITY
    )
    assert [line.split("\t")[0] for line in lines[5:]] == ["*", "4"]
    assert notes == [
        "left out: 1 numbers and prefixes that are in none of 3.2.1.5.5.5.2.1.2.1.e164.arpa."
    ]


def test_a_zone_above_the_apex_has_the_tree_too(block: numdip.Snapshot, tmp_path: Path) -> None:
    lines, _ = zone_lines(block, tmp_path, zones=["arpa"], authority=AUTHORITY)
    assert lines[5].startswith("*.2.1.2.1.e164\t")


def test_names_elsewhere_are_told_and_have_a_zone_of_their_own(
    tmp_path: Path, write: WriteFile
) -> None:
    write("x.zone", "$ORIGIN x.example.\n$TTL 5\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n")
    write("a.csv", "name,services,regexp\n+44*,E2U+sip,!^.*$!sip:a@x.example!\n")
    build([str(tmp_path / "x.zone"), str(tmp_path / "a.csv")], str(tmp_path / "a.snap"))
    snapshot = numdip.open(tmp_path / "a.snap")
    with pytest.raises(
        PlanError, match=r"has names in e164.arpa., x.example., .* choose by --zone"
    ):
        zone_lines(snapshot, tmp_path)
    _, notes = zone_lines(snapshot, tmp_path, zones=["e164.arpa"], authority=AUTHORITY)
    assert notes == ["left out: names in none of e164.arpa.: x.example., ns.x.example."]
    lines, notes = zone_lines(snapshot, tmp_path, zones=["x.example"])
    assert [line.split("\t")[0] for line in lines[3:]] == ["@", "@", "ns"]
    assert notes.pop().startswith("x.example. keeps the serial 1 of the plan's SOA record, ")
    assert notes == ["left out: 1 numbers and prefixes that are in none of x.example."]


def test_rows_know_the_zones_again(
    tmp_path: Path, write: WriteFile, numdip_command: Command
) -> None:
    own = "$ORIGIN x.example.\n$TTL 5\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n"
    write("a.zone", own + "elsewhere. A 192.0.2.1\n")
    part = "$TTL 5\n$ORIGIN sub.x.example.\na A 192.0.2.1\n"
    write("b.zone", part)
    write("c.zone", '$TTL 5\n$ORIGIN 4.4.t.example.\n1 NAPTR 1 1 "u" "E2U+sip" "!^.*$!a:b!" .\n')
    names = [str(tmp_path / f"{letter}.zone") for letter in "abc"]
    build(names, str(tmp_path / "a.snap"), apex=["t.example"])
    snapshot = numdip.open(tmp_path / "a.snap")
    command = ("plan", "export", snapshot.path, "--apex", "t.example", "--format", "csv", "-o")
    done = numdip_command(*command, tmp_path / "ro ws")
    assert f"numdip plan build '{tmp_path}/ro ws'/* --apex t.example -o plan.snap" in done.stderr
    files = sorted((tmp_path / "ro ws").iterdir())
    assert [path.name for path in files] == [
        *("4.4.t.example.zone", "names.zone", "records.csv", "sub.x.example.zone"),
        "x.example.zone",
    ]
    build([str(path) for path in files], str(tmp_path / "b.snap"), apex=["t.example"])
    again = numdip.open(tmp_path / "b.snap")
    assert again.record_sets() == snapshot.record_sets()

    def zones(of: numdip.Snapshot) -> set[str]:
        return {
            zone for source in json.loads(of.meta)["sources"] for zone in source.get("zones", [])
        }

    assert zones(again) == zones(snapshot) == {"x.example.", "sub.x.example.", "4.4.t.example."}


@pytest.mark.parametrize("form", ["zone", "csv"])
def test_a_name_that_begins_as_a_number_is_a_name(
    tmp_path: Path, write: WriteFile, form: Literal["zone", "csv"]
) -> None:
    text = "$ORIGIN example.com.\n$TTL 5\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n"
    text += "+44 A 192.0.2.1\n+44.x A 192.0.2.2\n"
    build([str(write("a.zone", text))], str(tmp_path / "a.snap"))
    snapshot = numdip.open(tmp_path / "a.snap")
    out = tmp_path / "out.zone"
    export(snapshot, str(out), form)
    build(
        [str(path) for path in (out.iterdir() if form == "csv" else [out])],
        str(tmp_path / "b.snap"),
    )
    assert numdip.open(tmp_path / "b.snap").record_sets() == snapshot.record_sets()
    assert ("+44.example.com.", 1, 5, [bytes((192, 0, 2, 1))]) in snapshot.record_sets()


def test_other_zones_are_left_out_and_no_alias_came_in(tmp_path: Path, write: WriteFile) -> None:
    text = (
        "$ORIGIN e164.arpa.\n$TTL 5\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n"
        '4.4 SOA a. b. 1 2 3 4 5\n4.4 NS a.\n4.4 TXT "kept"\n'
        '*.4.4 NAPTR 1 1 "u" "E2U+sip" "!^.*$!sip:a@x.example!" .\n'
    )
    alias = write("b.zone", text + "5.4.4 CNAME x.example.\n")
    with pytest.raises(PlanError, match=r"b\.zone:9: 5\.4\.4\.e164\.arpa\.: aliases of numbers"):
        build([str(alias)], str(tmp_path / "b.snap"))
    build([str(write("a.zone", text))], str(tmp_path / "a.snap"))
    lines, notes = zone_lines(
        numdip.open(tmp_path / "a.snap"),
        tmp_path,
        zones=["e164.arpa"],
        authority=Authority(serial=9),
    )
    assert [line.split("\t")[0::3][:2] for line in lines[3:]] == [
        ["@", "NS"],
        ["@", "SOA"],
        ["4.4", "TXT"],
        ["4.4", "NAPTR"],
        ["*.4.4", "NAPTR"],
    ]
    assert [note.partition(",")[0] for note in notes] == [
        "left out: 4.4.e164.arpa. NS",
        "left out: 4.4.e164.arpa. SOA",
    ]


def test_a_zones_own_authority_counts_but_for_the_serial(tmp_path: Path, write: WriteFile) -> None:
    text = "$ORIGIN x.example.\n$TTL 5\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
    build([str(write("x.zone", text))], str(tmp_path / "a.snap"))
    snapshot = numdip.open(tmp_path / "a.snap")
    lines, notes = zone_lines(snapshot, tmp_path, authority=AUTHORITY)
    (soa,) = (line for line in lines if "\tSOA\t" in line)
    assert soa.split()[4:7] == ["ns.x.example.", "h.x.example.", "7"]
    assert [note.partition(" is not used")[0] for note in notes] == ["--hostmaster", "--ns"]
    notes.clear()
    path = str(tmp_path / "dnsconfig.js")
    export(snapshot, path, "dnscontrol", authority=AUTHORITY, note=notes.append)
    assert [note.partition(" not used")[0] for note in notes[:2]] == [
        "--hostmaster and --serial are",
        "--ns is",
    ]


# ---------- The command --------------------------------------------------------------------------


def test_the_command_writes_a_zone_whole_or_not_at_all(
    snapshot: Path, tmp_path: Path, numdip_command: Command
) -> None:
    options = ("--ns", "ns.example.", "--hostmaster", "h@example.com", "--serial", "5")
    done = numdip_command("plan", "export", snapshot, "-o", tmp_path / "out.zone", *options)
    assert (done.returncode, done.stderr) == (0, "")
    count = int(done.stdout.split()[1])
    assert done.stdout == f"{tmp_path / 'out.zone'}: {count} records in e164.arpa.\n"
    text = (tmp_path / "out.zone").read_text()
    assert text.count("NAPTR") == count
    piped = numdip_command("plan", "export", snapshot, "-o", "-", *options)
    assert piped.stdout == text
    before = sorted(tmp_path.iterdir())
    done = numdip_command(
        "plan", "export", snapshot, "-o", tmp_path / "none.zone", "--zone", "example.com"
    )
    assert done.returncode == 2
    assert "has nothing for example.com." in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_the_command_takes_apex_and_answers_of_a_configuration(
    snapshot: Path, tmp_path: Path, numdip_command: Command, write: WriteFile
) -> None:
    config = write("n.toml", '[server]\napex = ["enum.example"]\n[answer]\nttl = 99\n')
    done = numdip_command("plan", "export", snapshot, "-o", "-", "--config", config)
    assert "$ORIGIN enum.example.\n" in done.stdout
    assert "\t99\tIN\tNAPTR\t" in done.stdout


def test_an_output_that_is_an_input_is_refused(
    snapshot: Path, tmp_path: Path, numdip_command: Command, write: WriteFile
) -> None:
    config = write("n.toml", "[answer]\nttl = 99\n")
    link = tmp_path / "link"
    link.symlink_to(snapshot)
    before = snapshot.read_bytes()
    for output in (snapshot, link, config):
        done = numdip_command("plan", "export", snapshot, "-c", config, "-o", output)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{output}: is an input too; name another output" in done.stderr
    assert snapshot.read_bytes() == before
    assert link.is_symlink()


def test_outputs_that_are_no_plain_files_stay_what_they_are(
    snapshot: Path, tmp_path: Path, numdip_command: Command
) -> None:
    def export_to(output: Path) -> str:
        done = numdip_command("plan", "export", snapshot, "-o", output)
        assert done.returncode == 0, done.stderr
        return done.stdout

    text = export_to(Path("-"))
    assert export_to(Path("/dev/stdout")) == text
    pipe, link, target = tmp_path / "pipe", tmp_path / "link", tmp_path / "target"
    link.symlink_to(target)
    for _ in range(2):
        export_to(link)
        assert link.is_symlink()
        assert target.read_text() == text
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as threads:
        reader = threads.submit(pipe.read_text)
        export_to(pipe)
        assert pipe.is_fifo()
        assert reader.result() == text
    assert export_to(Path("/dev/null")).startswith("/dev/null: ")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("form", ["zone", "dnscontrol", "csv"])
def test_a_missing_folder_is_named(
    snapshot: Path, tmp_path: Path, numdip_command: Command, form: str
) -> None:
    folder = tmp_path / "none"
    done = numdip_command("plan", "export", snapshot, "--format", form, "-o", folder / "out")
    assert done.returncode == 2
    assert f"out: the folder {folder} does not exist; make it first" in done.stderr


def test_csv_goes_into_a_new_folder(
    snapshot: Path, tmp_path: Path, numdip_command: Command
) -> None:
    command = ("plan", "export", snapshot, "--format", "csv", "-o")
    done = numdip_command(*command, tmp_path / "rows")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'rows'}: 6 rows\n"
    assert sorted(path.name for path in (tmp_path / "rows").iterdir()) == [
        "ported.csv",
        "ranges.csv",
    ]
    assert "is there already" in numdip_command(*command, tmp_path / "rows").stderr
    assert numdip_command(*command, "-").returncode == 2


@pytest.mark.parametrize(
    "options",
    [
        ("--zone", "a..b"),
        ("--apex", "a..b"),
        ("--zone", "a", "--zone", "b"),
        ("--ns", "a..b"),
        ("--hostmaster", "a@b..c"),
        ("--hostmaster", "@b"),
        ("--hostmaster", f"{'a' * 64}@b"),
    ],
)
def test_wrong_names_are_told(
    snapshot: Path, numdip_command: Command, options: tuple[str, ...]
) -> None:
    done = numdip_command("plan", "export", snapshot, "-o", "-", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("numdip: ")
