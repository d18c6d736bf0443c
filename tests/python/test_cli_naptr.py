"""``numdip naptr apply``, ``naptr make`` and ``resolve``, as people and scripts meet them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from conftest import Command, WriteFile
from numdip import Naptr, PlanError
from numdip import open as open_snapshot
from numdip.cli.app import app
from numdip.cli.zones import Zones
from numdip.plan import build

NUMBER = "+441632960083"
OWNER = "3.8.0.0.6.9.2.3.6.1.4.4.e164.arpa."
RECORD = r'100 10 "u" "E2U+sip" "!^(\\+44)(.*)$!sip:0\\2@gw.example!" .'

ZONE = r"""
$ORIGIN 4.4.e164.arpa.
@ 60 IN SOA ns.example. hostmaster.example. 1 2 3 4 5
@ NS ns.example.
*                  NAPTR 100 20 "u" "E2U+email:mailto" "!^.*$!mailto:info@example.com!" .
                   NAPTR 100 10 "u" "E2U+sip" "!^(.*)$!sip:\\1@gw.example!" .
3.8.0.0.6.9.2.3.6.1 NAPTR 100 10 "" "" "" shared.example.net.
4.8.0.0.6.9.2.3.6.1 CNAME 3.8.0.0.6.9.2.3.6.1
*.6.1              TXT "no NAPTR here"
7.7.7              NS ns.elsewhere.example.
"""
SHARED = r"""
$ORIGIN example.net.
shared NAPTR 10 10 "u" "E2U+sip" "!^\\+33(.*)$!sip:no@x.example!" .
       NAPTR 20 10 "u" "E2U+sip" "!^\\+44(.*)$!sip:\\1@shared.example!" .
       NAPTR 30 10 "" "" "" 3.8.0.0.6.9.2.3.6.1.4.4.e164.arpa.
"""


# ---------- apply --------------------------------------------------------------------------------


def test_apply_tells_what_each_part_does(numdip_command: Command) -> None:
    done = numdip_command("naptr", "apply", RECORD, "+44 1632 960083")
    assert done.returncode == 0
    lines = dict(re.split(r"  +", line, maxsplit=1) for line in done.stdout.splitlines())
    assert lines == {
        "record": RECORD,
        "number": NUMBER,
        "expression": r"^(\+44)(.*)$",
        "takes": f'"{NUMBER}"',
        r"\1": '"+44"',
        r"\2": '"1632960083"',
        "replacement": r"sip:0\2@gw.example",
        "gives": "sip:01632960083@gw.example",
    }


@pytest.mark.parametrize(
    "owner", ["", "a.example. 3600 IN NAPTR ", "@ NAPTR ", "  IN 60 NAPTR ", "x naptr "]
)
def test_apply_takes_a_zone_files_line(numdip_command: Command, owner: str) -> None:
    done = numdip_command("naptr", "apply", owner + RECORD, NUMBER, "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["uri"]) == (0, "sip:01632960083@gw.example")


@pytest.mark.parametrize("ttl", ["1h IN", "IN 1H30m", "2w", "1W2D3h4m5s", "90M IN", "1h30 IN"])
def test_apply_takes_a_ttl_with_units(numdip_command: Command, ttl: str) -> None:
    line = f"0.6.9.e164.arpa. {ttl} NAPTR {RECORD}"
    done = numdip_command("naptr", "apply", line, NUMBER, "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["uri"]) == (0, "sip:01632960083@gw.example")


@pytest.mark.parametrize("ttl", ["h IN", "1x", "1h 2h 3h"])
def test_apply_refuses_a_ttl_that_is_none(numdip_command: Command, ttl: str) -> None:
    done = numdip_command("naptr", "apply", f"0.6.9.e164.arpa. {ttl} NAPTR {RECORD}", NUMBER)
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (r'1 1 "u" "E2U+sip" "!^\\+33!sip:a@x!" .', "no-match"),
        ('1 1 "u" "E2U+sip" "!^.*$!nothing!" .', "no-uri"),
        ('1 1 "u" "E2U+sip" "!^.*$!sip:a@x!" x.', "replacement"),
        ('1 1 "u" "E2U+sip" "!^+44!sip:a@x!" .', "bad-expression"),
        ('1 1 "s" "SIP+D2U" "" _sip._udp.x.', "flags"),
        ('1 1 "u" "SIP+D2U" "!^.*$!sip:a@x!" .', "services"),
    ],
)
def test_apply_says_why_a_record_is_passed_over(
    numdip_command: Command, record: str, code: str
) -> None:
    done = numdip_command("naptr", "apply", record, NUMBER, "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["code"], found["uri"]) == (1, code, None)
    shown = numdip_command("naptr", "apply", record, NUMBER)
    assert found["reason"] in shown.stdout


def test_apply_follows_the_mode(numdip_command: Command) -> None:
    record = r'1 1 "u" "E2U+sip" "!^(\\+1|\\+1212)(.*)$!sip:\\2@gw.example!" .'
    uris = [
        json.loads(
            numdip_command(
                "naptr", "apply", record, "+12125551234", "--mode", mode, "--json"
            ).stdout
        )["uri"]
        for mode in ("posix", "perl")
    ]
    assert uris == ["sip:5551234@gw.example", "sip:2125551234@gw.example"]


def test_apply_says_where_a_record_leads_on(numdip_command: Command) -> None:
    done = numdip_command("naptr", "apply", '1 1 "" "" "" next.example.', NUMBER)
    assert (done.returncode, "leads on to  next.example." in done.stdout) == (1, True)


@pytest.mark.parametrize(
    ("regexp", "code", "found"),
    [(r"!^(.*)$!tel:\1;npdi!", 2, None), (r"!^\+44(.*)$!sip:\\1@gw.example!", 1, "bad-expression")],
)
def test_apply_tells_where_a_backslash_was_lost(
    numdip_command: Command, regexp: str, code: int, found: str | None
) -> None:
    done = numdip_command("naptr", "apply", f'1 1 "u" "E2U+sip" "{regexp}" .', NUMBER, "--json")
    assert done.returncode == code
    assert (json.loads(done.stdout)["code"] if done.stdout else None) == found
    right = re.sub(r"\\+", r"\\\\", regexp)
    assert f'1 1 "u" "E2U+sip" "{right}" .' in done.stderr
    assert "Write each backslash of a regexp twice" in done.stderr


@pytest.mark.parametrize("args", [["1 1 u", NUMBER], [RECORD, "no number"]])
def test_apply_refuses_what_it_cannot_read(numdip_command: Command, args: list[str]) -> None:
    done = numdip_command("naptr", "apply", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("numdip: ")


# ---------- make ---------------------------------------------------------------------------------


def made(*args: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["naptr", "make", *args, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def read_zone(line: str, origin: str = "e164.arpa") -> Naptr:
    """The record in a line, as dnspython reads it."""
    zone = dns.zone.from_text(
        f"$TTL 60\n{line}\n", origin=origin, check_origin=False, relativize=False
    )
    ((_, _, rdata),) = zone.iterate_rdatas("NAPTR")
    return Naptr.from_wire(rdata.to_wire() or b"")


@pytest.mark.parametrize(
    ("option", "address", "services", "uri"),
    [
        ("--sip", "info@example.com", "E2U+sip", "sip:info@example.com"),
        (
            "--sip",
            "sips:info@example.com;user=phone",
            "E2U+sip",
            "sips:info@example.com;user=phone",
        ),
        ("--tel", "+44-1632-960-084", "E2U+voice:tel", "tel:+441632960084"),
        ("--tel", "+44 1632 960 084", "E2U+voice:tel", "tel:+441632960084"),
        ("--tel", NUMBER + ";enumdi", "E2U+voice:tel", f"tel:{NUMBER};enumdi"),
        ("--mailto", "info@example.com", "E2U+email:mailto", "mailto:info@example.com"),
        ("--web", "HTTPS://example.com/a!b", "E2U+web:https", "https://example.com/a!b"),
        ("--web", "http://example.com", "E2U+web:http", "http://example.com"),
    ],
)
def test_made_records_are_one_in_every_form(
    option: str, address: str, services: str, uri: str
) -> None:
    found = made(option, address, "--number", NUMBER, "--ttl", "300", "--order", "7")
    record = Naptr.from_wire(bytes.fromhex(found["wire"]))
    assert record == read_zone(found["zone"])
    assert (record.order, record.preference, record.flags) == (7, 10, "u")
    assert (record.services, record.apply(NUMBER)) == (services, uri)
    owner, *fields = json.loads(
        "[" + found["dnscontrol"][len("NAPTR(") : -len(", TTL(300))")] + "]"
    )
    assert found["dnscontrol"].endswith(", TTL(300))")
    assert f"{owner}.{found['dnscontrol_domain']}." == OWNER
    assert fields == [
        *(record.order, record.preference, record.flags),
        *(record.services, record.regexp, record.replacement),
    ]
    assert found["zone"].startswith(f"{OWNER} 300 IN NAPTR 7 10 ")


@given(st.from_regex(r"[A-Za-z0-9.!$&'*+=_-]{1,20}@[a-z][a-z0-9]{0,8}\.example", fullmatch=True))
def test_made_sip_records_read_back_by_dnspython(address: str) -> None:
    # With an option's own dash in front an address would be one.
    found = made(f"--sip={address}", "--owner", "4.4.e164.arpa")
    assert read_zone(found["zone"]).apply("+44") == f"sip:{address}"


@pytest.mark.parametrize(
    ("args", "owner", "label", "domain"),
    [
        (["--number", NUMBER], OWNER, "3.8.0.0.6.9.2.3.6.1.4.4", "e164.arpa"),
        (["--number", "+44", "--apex", "X.example."], "4.4.x.example.", "4.4", "x.example"),
        (["--owner", "*.4.4.E164.ARPA."], "*.4.4.E164.ARPA.", "*.4.4", "e164.arpa"),
        (["--owner", "4.4.e164.arpa"], "4.4.e164.arpa.", "4.4", "e164.arpa"),
        (["--owner", "e164.arpa."], "e164.arpa.", "@", "e164.arpa"),
        # Not below the apex, the last for its dot that is a part of a label.
        (["--owner", "a.example.com."], "a.example.com.", "@", "a.example.com"),
        (["--owner", r"a\.e164.arpa."], r"a\.e164.arpa.", "@", r"a\.e164.arpa"),
        # Relative, to what is not known.
        (["--owner", "3.8.0"], "3.8.0", "3.8.0", None),
        (["--owner", r"a.3\."], r"a.3\.", r"a.3\.", None),
        (["--owner", "@"], "@", "@", None),
        ([], "@", "@", None),
    ],
)
def test_made_records_have_their_owner_as_each_form_needs_it(
    args: list[str], owner: str, label: str, domain: str | None
) -> None:
    found = made("--sip", "info@example.com", *args)
    assert (found["owner"], found["zone"].split(" ")[0]) == (owner, owner)
    assert json.loads("[" + found["dnscontrol"][len("NAPTR(") : -1] + "]")[0] == label
    assert found["dnscontrol_domain"] == domain


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--number", NUMBER], 'D("e164.arpa", ...)'),
        (["--owner", "a.example.com."], 'D_EXTEND("a.example.com", ...)'),
        (["--number", "+44", "--apex", "x*/y"], r'D("x*\/y", ...)'),
    ],
)
def test_make_says_which_domain_a_call_belongs_in(args: list[str], told: str) -> None:
    done = CliRunner().invoke(app, ["naptr", "make", "--sip", "info@example.com", *args])
    call = done.stdout.splitlines()[1].split(maxsplit=1)[1]
    comment, _, rest = call.partition(" */ ")
    assert comment == f"/* in {told}"
    assert rest.startswith("NAPTR(")


def test_made_calls_make_the_record_in_their_domain(tmp_path: Path) -> None:
    calls = []
    for args in (["--number", NUMBER], ["--owner", "4.e164.arpa."]):
        found = made("--sip", "info@example.com", *args)
        calls.append(f'D_EXTEND("{found["dnscontrol_domain"]}", {found["dnscontrol"]});\n')
    file = tmp_path / "dnsconfig.js"
    file.write_text('D("e164.arpa", "r");\n' + "".join(calls))
    build([str(file)], str(tmp_path / "a.snap"))
    (record,) = open_snapshot(tmp_path / "a.snap").records(NUMBER)
    assert record.apply(NUMBER) == "sip:info@example.com"


@pytest.mark.parametrize("port", ["65535", "5060", "0"])
def test_make_takes_ports_to_65535(port: str) -> None:
    assert made("--sip", f"a@x.example:{port}")["uri"] == f"sip:a@x.example:{port}"
    assert made("--web", f"http://x.example:{port}/")["uri"] == f"http://x.example:{port}/"


def test_make_writes_three_lines(numdip_command: Command) -> None:
    done = numdip_command("naptr", "make", "--sip", "info@example.com")
    assert done.returncode == 0
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert lines == [
        ["zone", '@ IN NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .'],
        ["dnscontrol", 'NAPTR("@", 100, 10, "u", "E2U+sip", "!^.*$!sip:info@example.com!", ".")'],
        [
            "wire",
            "0064000a0175074532552b7369701b215e2e2a24217369703a696e666f406578616d706c652e636f6d2100",
        ],
    ]


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--sip", "a@x.example", "--web", "http://x.example"],
        ["--sip", "a@x.example", "--number", NUMBER, "--owner", "x"],
        ["--sip", "no address"],
        ["--sip", "a@b:99999"],
        ["--sip", "a@[2001:db8::1]:65536;user=phone"],
        ["--sip", "b:" + "9" * 5000],
        ["--web", "http://x.example:65536/"],
        ["--sip", "a@x.example", "--apex", "a..b", "--owner", "3.8.0"],
        ["--sip", "a@b@c"],
        ["--sip", r"\1@gw.example"],
        ["--sip", "tel:+44"],
        ["--sip", "a%@x.example"],
        ["--sip", "ä@x.example"],
        ["--sip", "a" * 250 + "@x.example"],
        ["--tel", "7042"],
        ["--tel", "+44/1632 960083"],
        ["--tel", "+441632960083;m-x=1"],
        ["--tel", "+44-1632-960083", "--number", NUMBER],
        ["--tel", "+441632960083", "--owner", "3.8.0.0.6.9.2.3.6.1.4.4.e164.arpa"],
        ["--mailto", "info"],
        ["--mailto", "http://x.example"],
        ["--web", "x.example"],
        ["--web", "ftp://x.example"],
        ["--web", "http://x.example/#part"],
        ["--sip", "a@x.example", "--owner", "a..b"],
        ["--sip", "a@x.example", "--number", "01632 960083"],
        ["--sip", "a@x.example", "--order", "65536"],
        ["--sip", "a@x.example", "--ttl", "-1"],
    ],
)
def test_make_refuses_what_would_be_wrong(args: list[str]) -> None:
    done = CliRunner().invoke(app, ["naptr", "make", *args])
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert done.stderr


# ---------- resolve ------------------------------------------------------------------------------


@pytest.fixture
def files(write: WriteFile) -> list[str]:
    return ["--zone", str(write("44.zone", ZONE)), "--zone", str(write("shared.zone", SHARED))]


def resolved(command: Command, *args: str) -> tuple[int, dict[str, Any]]:
    done = command("resolve", *args, "--json")
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(
    ("number", "uris", "how"),
    [
        ("+44223", ["sip:+44223@gw.example", "mailto:info@example.com"], "wildcard"),
        (NUMBER, [f"sip:{NUMBER[3:]}@shared.example"], ""),
        ("+441632960084", ["sip:1632960084@shared.example"], "an alias of"),
        # The neighbour's owner makes 1632… exist, and there the wildcard ends (RFC 4592 §3.3.1).
        ("+441632960085", [], "has no wildcard"),
        ("+441632", [], "only leads to others"),
        ("+441699", [], "other types only"),
        ("+447771", [], "is delegated"),
        ("+33123", [], "no such name"),
    ],
)
def test_resolve_answers_as_a_name_server_does(
    numdip_command: Command, files: list[str], number: str, uris: list[str], how: str
) -> None:
    code, found = resolved(numdip_command, number, *files)
    assert uris == [one["uri"] for one in found["uris"]]
    assert code == (0 if uris else 1)
    assert how in " ".join(found["steps"][0]["how"])


def test_resolve_prints_each_step_and_the_uris(numdip_command: Command, files: list[str]) -> None:
    done = numdip_command("resolve", NUMBER, "--service", "sip", *files)
    assert done.returncode == 0
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[0] == NUMBER
    for part in (
        "1. 3.8.0.0.6.9.2.3.6.1.4.4.e164.arpa. NAPTR: 1 record",
        "leads on to  shared.example.net.",
        "3. shared.example.net. NAPTR: 3 records",
        "passed over  its expression does not match",
        r'\1           "1632960083"',
        "passed over  it leads to a name that was asked for before",
    ):
        assert part in lines
    assert lines[-1] == "sip:1632960083@shared.example  sip"


def test_resolve_takes_the_services_that_are_wanted(
    numdip_command: Command, files: list[str]
) -> None:
    for service in ("email:mailto", "e2u+Email"):
        _, found = resolved(numdip_command, "+44223", "--service", service, *files)
        assert [one["uri"] for one in found["uris"]] == ["mailto:info@example.com"]
        assert found["steps"][1]["code"] == "not-wanted"


def test_resolve_hangs_relative_names_from_the_origin(
    numdip_command: Command, write: WriteFile
) -> None:
    record = 'NAPTR 1 1 "u" "E2U+sip" "!^.*$!sip:a@x.example!" .\n'
    bare, named = write("bare", "3.2.1.4.4 " + record), write("named", "@ " + record)
    for zone in (str(bare), f"3.2.1.4.4.e164.arpa={named}"):
        code, found = resolved(numdip_command, "+44123", "--zone", zone)
        assert (code, found["uris"][0]["uri"]) == (0, "sip:a@x.example")
    assert resolved(numdip_command, "+44123", "--zone", str(bare), "--apex", "x.example")[0] == 0


@pytest.mark.parametrize(
    "args",
    [
        ["--zone", "missing"],
        ["--zone", "bad"],
        ["--zone", "binary"],
        ["--zone", "empty"],
        ["--zone", "a..b=good"],
        ["--zone", "good", "--service", "a b"],
        ["--zone", "good", "--apex", "a..b"],
        [],
    ],
)
def test_resolve_refuses_what_it_cannot_read(
    numdip_command: Command, write: WriteFile, tmp_path: Path, args: list[str]
) -> None:
    write("good", "@ TXT x\n")
    write("bad", '@ TXT x\n1 NAPTR 1 1 "u" "E2U+sip" "!^.*$!sip:\\1@x!" .\n')
    write("binary", b"\xff\xfe\n")
    write("empty", "; nothing\n")
    args = [
        f"{tmp_path}/{arg}" if i and args[i - 1] == "--zone" and "=" not in arg else arg
        for i, arg in enumerate(args)
    ]
    done = numdip_command("resolve", NUMBER, *args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr
    if args and args[-1].endswith("bad"):
        assert "bad:2" in done.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("$INCLUDE other.zone", "$INCLUDE is not followed"),
        ("$UNICODE 2008", "only $ORIGIN, $TTL and $GENERATE are"),
        ("$GENERATE 1-1000000000 $ TXT x", "more than 100,000 records"),
        ("a CNAME b", "a.e164.arpa. has a CNAME and other records"),
        ("a A 192.0.2.256", ""),
        ("a..b TXT x", ""),
        ("a" * 64 + " TXT x", ""),
        ("a NOTYPE x", ""),
        (r"a NAPTR 1 1 \"u\" \"E2U+sip\" \"!^(.*)$!tel:\1;npdi!\" .", ""),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\n; more\n"])
def test_zone_files_are_refused_with_the_line(
    write: WriteFile, line: str, told: str, end: str
) -> None:
    path = str(write("zone", f"; caf\xe9\na TXT x\n\n{line}{end}".encode("latin-1")))
    with pytest.raises(PlanError) as caught:
        Zones().read(path, "e164.arpa")
    assert str(caught.value).startswith(f"{path}:4: ")
    assert told in str(caught.value)
    assert len(str(caught.value)) > len(f"{path}:4: ")


def test_generated_records_are_read(write: WriteFile) -> None:
    zones = Zones()
    zones.read(str(write("zone", "$GENERATE 1-3 $.4.4 CNAME target-$\n")), "e164.arpa")
    assert zones.find("2.4.4.e164.arpa", "NAPTR").how[0] == "an alias of target-2.e164.arpa."


def test_names_in_a_circle_come_to_an_end(numdip_command: Command, write: WriteFile) -> None:
    lines = (
        '4.4 NAPTR 1 1 "" "" "" a\n  NAPTR 2 1 "" "" "" c\n'
        'a NAPTR 1 1 "" "" "" b\nb NAPTR 1 1 "" "" "" 4.4\n'
        "c CNAME d\nd CNAME c\n"
    )
    code, found = resolved(numdip_command, "+44", "--zone", str(write("zone", lines)))
    assert (code, found["uris"]) == (1, [])
    assert [step["code"] for step in found["steps"] if step["step"] == "passed-over"] == ["loop"]
    assert found["steps"][-1]["how"][-1] == "too many aliases"


def test_a_path_may_have_an_equals_sign(numdip_command: Command, write: WriteFile) -> None:
    zone = write("a=b", '4.4 NAPTR 1 1 "u" "E2U+sip" "!^.*$!sip:a@x.example!" .\n')
    assert resolved(numdip_command, "+44", "--zone", str(zone))[0] == 0


@given(
    st.lists(st.from_regex(r"(\*\.)?[12](\.[12]){0,3}", fullmatch=True), min_size=1, max_size=6),
    st.from_regex(r"[123](\.[123]){0,4}", fullmatch=True),
)
def test_wildcards_are_found_as_rfc_4592_says(
    tmp_path_factory: pytest.TempPathFactory, owners: list[str], asked: str
) -> None:
    path = tmp_path_factory.mktemp("zones") / "zone"
    path.write_text("".join(f"{owner} 1 TXT {owner}\n" for owner in dict.fromkeys(owners)))
    zones = Zones()
    zones.read(str(path), "e164.arpa")
    found = [
        rdata.to_text().strip('"') for rdata in zones.find(f"{asked}.e164.arpa", "TXT").records
    ]
    assert found == wildcard_model(set(owners), asked)


def wildcard_model(owners: set[str], asked: str) -> list[str]:
    """RFC 4592 §3.3 from its words: the name, else the wildcard of its closest encloser."""
    existing = {""} | {
        owner.split(".", depth)[depth] if depth else owner
        for owner in owners
        for depth in range(owner.count(".") + 1)
    }
    if asked in existing:
        return [asked] if asked in owners else []
    while asked not in existing:
        asked = asked.partition(".")[2]
    source = f"*.{asked}" if asked else "*"
    return [source] if source in owners else []
