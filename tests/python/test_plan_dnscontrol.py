"""DNSControl's files as plan files: what they mean, and how their faults are told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import numdip
from conftest import WriteFile
from numdip import PlanError
from numdip.plan import build
from numdip.plan.dnscontrol import Dnsconfig
from numdip.plan.javascript import evaluate

Records = list[tuple[int, str, int, str]]


def read(path: Path, skipped: list[str] | None = None) -> Records:
    """Line, owner, TTL, and type with data as a master file has them."""
    file = Dnsconfig(str(path), progress=lambda octets: None)
    found = []
    for batch in file.batches(skipped):
        for line, owner, rtype, ttl, wire in batch:
            rdtype = dns.rdatatype.RdataType.make(rtype)
            rdata = dns.rdata.from_wire(dns.rdataclass.IN, rdtype, wire, 0, len(wire))
            text = f"{dns.rdatatype.to_text(rdtype)} {rdata}"
            found.append((line, dns.name.from_wire(owner, 0)[0].to_text(), ttl, text))
    return found


def of(write: WriteFile, *modifiers: str, domain: str = "example.com") -> Records:
    calls = ",\n".join([f'D("{domain}", NewRegistrar("none"), DnsProvider("bind")', *modifiers])
    return read(write("dnsconfig.js", f"{calls}\n);\n"))


@pytest.mark.parametrize(
    ("call", "owner", "record"),
    [
        ('A("@", "192.0.2.1")', "example.com.", "A 192.0.2.1"),
        ('A("www", 3221225985)', "www.example.com.", "A 192.0.2.1"),
        ('A("*.www", IP("192.0.2.1"))', "*.www.example.com.", "A 192.0.2.1"),
        ('AAAA("a.b", "2001:DB8::1")', "a.b.example.com.", "AAAA 2001:db8::1"),
        ('CNAME("www", "@")', "www.example.com.", "CNAME example.com."),
        ('CNAME("www", "web")', "www.example.com.", "CNAME web.example.com."),
        ('CNAME("www", "web.example.net.")', "www.example.com.", "CNAME web.example.net."),
        ('MX("@", 10, "mx")', "example.com.", "MX 10 mx.example.com."),
        ('NS("sub", "ns.example.net.")', "sub.example.com.", "NS ns.example.net."),
        ('NAMESERVER("ns.example.net.")', "example.com.", "NS ns.example.net."),
        ('TXT("@", "a \\"b\\" ü")', "example.com.", r'TXT "a \"b\" \195\188"'),
        ('TXT("@", ["a", "b"])', "example.com.", 'TXT "a" "b"'),
        (
            'SRV("_sip._udp", 1, 2, 5060, "sip")',
            "_sip._udp.example.com.",
            "SRV 1 2 5060 sip.example.com.",
        ),
        (
            r'NAPTR("1", 10, 20, "u", "E2U+sip", "!^\\+1(.*)$!sip:\\1@example.com!", ".")',
            "1.example.com.",
            r'NAPTR 10 20 "u" "E2U+sip" "!^\\+1(.*)$!sip:\\1@example.com!" .',
        ),
        (
            'NAPTR("@", 10, 20, "s", "SIP+D2U", "", "sip")',
            "example.com.",
            'NAPTR 10 20 "s" "SIP+D2U" "" sip.example.com.',
        ),
        (
            'SOA("@", "ns", "hostmaster@example.com", 1, 2, 3, 4)',
            "example.com.",
            "SOA ns.example.com. hostmaster.example.com. 1 1 2 3 4",
        ),
    ],
)
def test_each_function_makes_its_record(
    write: WriteFile, call: str, owner: str, record: str
) -> None:
    assert of(write, call) == [(2, owner, 300, record)]


def test_the_last_ttl_said_counts(write: WriteFile) -> None:
    found = of(
        write,
        'A("a", "192.0.2.1")',
        'DefaultTTL("1h")',
        'A("b", "192.0.2.1")',
        'A("c", "192.0.2.1", TTL(7), {note: "ignored"})',
        'A("d", "192.0.2.1", TTL("2w"))',
        'NAMESERVER_TTL(9), NAMESERVER("ns.x.")',
    )
    assert [ttl for _, _, ttl, _ in found] == [300, 3600, 7, 1_209_600, 9]


def test_lists_functions_and_loops_make_records(write: WriteFile) -> None:
    path = write(
        "dnsconfig.js",
        "var block = [];\nfor (var i = 0; i < 10; i++) {\n"
        '  block.push(NAPTR(String(i), 10, 10, "u", "E2U+sip",'
        ' "!^.*$!sip:" + i + "@x.example!", "."));\n}\n'
        'DEFAULTS(DefaultTTL(60), NO_PURGE);\nD("3.2.1.e164.arpa.", NewRegistrar("a"), block);\n'
        'D("x.example", REGISTRAR("a"), SERVICE("b"), [[A("@", "192.0.2.1")], []],'
        ' INCLUDE("3.2.1.e164.arpa"));\n',
    )
    found = read(path)
    assert len(found) == 21
    assert {line for line, *_ in found} == {3, 7}
    assert {ttl for _, _, ttl, _ in found} == {60}
    assert found[11][1] == "0.x.example."


def test_d_extend_adds_to_the_closest_domain(write: WriteFile) -> None:
    path = write(
        "dnsconfig.js",
        'D("example.com", "r"); D("sub.example.com", "r");\n'
        'D_EXTEND("a.b.example.com", A("@", "192.0.2.1"), A("www", "192.0.2.2"),'
        ' CNAME("c", "www"));\nD_EXTEND("x.sub.example.com", CNAME("@", "@"));\n'
        'D_EXTEND("example.com", CNAME("c", "@"));\n',
    )
    assert [(owner, text) for _, owner, _, text in read(path)] == [
        ("a.b.example.com.", "A 192.0.2.1"),
        ("www.a.b.example.com.", "A 192.0.2.2"),
        ("c.a.b.example.com.", "CNAME www.a.b.example.com."),
        ("c.example.com.", "CNAME example.com."),
        ("x.sub.example.com.", "CNAME x.sub.example.com."),
    ]


def test_the_tag_of_a_view_is_no_part_of_its_name(write: WriteFile) -> None:
    path = write(
        "dnsconfig.js",
        'D("Example.com!In.side", "r", A("@", "192.0.2.1"));\n'
        'D_EXTEND("a.example.com!In.side", A("@", "192.0.2.2"));\n'
        'D("b.example", "r", INCLUDE(getConfiguredDomains()[0]));\n',
    )
    assert [owner for _, owner, *_ in read(path)] == [
        *("example.com.", "a.example.com."),
        *("b.example.", "a.b.example."),
    ]
    assert Dnsconfig(str(path), progress=lambda octets: None).zones == [
        "example.com.",
        "b.example.",
    ]


def test_a_row_of_the_programs_own_has_no_line_that_cannot_be(write: WriteFile) -> None:
    rows = (f'["A", {line}, 9, "", ["a", "192.0.2.1"]]' for line in (-1, 5, 10**12))
    calls = (f"function (d) {{ d.records.push({row}); }}" for row in rows)
    assert [line for line, *_ in of(write, *calls)] == [0, 5, 0]


@pytest.mark.parametrize(
    ("one", "other"), [("a.x!inside", "a.x!outside"), ("a.x", "A.x!outside"), ("a.x!in", "a.x.")]
)
def test_two_views_of_one_domain_are_refused(
    write: WriteFile, refusal: Callable[..., str], one: str, other: str
) -> None:
    message = refusal(write("dnsconfig.js", f'D("{one}", "r");\nD("{other}", "r");\n'))
    assert ':2: D("' in message
    assert "is another view of a.x, and a plan holds one: leave the D() of all" in message
    plain, _, tag = other.partition("!")
    for second in ({"name": other}, {"name": plain, "tag": tag}):
        path = write("ir.json", json.dumps({"domains": [{"name": one}, second]}))
        message = refusal(path)
        assert message.startswith(f"{path}: has views of a.x, ")
        assert message.endswith("and a plan holds one: leave all but one out")


@pytest.mark.parametrize(
    ("network", "domain"),
    [
        ("192.0.2.0/24", "2.0.192.in-addr.arpa."),
        ("10.0.0.0/8", "10.in-addr.arpa."),
        ("192.0.2.1", "1.2.0.192.in-addr.arpa."),
        ("2001:db8::/32", "8.b.d.0.1.0.0.2.ip6.arpa."),
    ],
)
def test_rev_names_the_domain_of_a_network(write: WriteFile, network: str, domain: str) -> None:
    file = f'D(REV("{network}"), "r", PTR("5", "host.example."));\n'
    ((_, owner, _, text),) = read(write("dnsconfig.js", file))
    assert (owner, text) == (f"5.{domain}", "PTR host.example.")


def test_a_ptr_may_name_the_address(write: WriteFile) -> None:
    found = of(write, 'PTR("192.0.2.7", "host.example.")', domain="2.0.192.in-addr.arpa")
    assert [owner for _, owner, *_ in found] == ["7.2.0.192.in-addr.arpa."]


# ---------- Faults -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ('CF_REDIRECT("a", "b")', "CF_REDIRECT is not known; records are made by A, AAAA, CNAME"),
        ('require("more.js")', r"require\(\) reads what lies elsewhere, which is not done"),
        ('require_glob("./*.js")', r"require_glob\(\) reads what lies elsewhere"),
        ('A("a")', "A takes name, address: found 1 of 2"),
        (
            'NAPTR("1", 10, 10)',
            "NAPTR takes name, order, preference, flags, services, regexp, repl",
        ),
        ('TTL("soon")', r'TTL takes seconds or a duration such as "5m", found "soon"'),
        ('REV("192.0.2.0/25")', "a network that ends between labels"),
        ('REV("nowhere")', "not a network such as"),
        ('A("a", "192.0.2.256")', r'A\("a", "192.0.2.256"\): .'),
        ('A("a.example.com.", "192.0.2.1")', "take the final dot off"),
        ('A("", "192.0.2.1")', '"@" is the domain itself'),
        ('A(5, "192.0.2.1")', "the name is a text"),
        ('CNAME("a", "b.example.net")', "needs a final dot, or is one label"),
        ('CNAME("a", "")', "the target is a name"),
        ('A("a", "192.0.2.1", TTL(-1))', "found TTL -1, expected 0 to 2147483647"),
        ('SRV("a", 65536, 0, 0, "b")', "found 65536, expected a number from 0 to 65535"),
        ('SRV("a", 1.5, 0, 0, "b")', "found 1.5, expected"),
        ('NAPTR("1", 10, 10, "u", 5, "", ".")', "services is a text, found 5"),
        (f'NAPTR("1", 10, 10, "u", "a", "{"x" * 256}", ".")', "255|256"),
        ('TXT("a", [1])', "found 1, expected a text"),
    ],
)
def test_a_fault_names_file_line_and_mend(
    write: WriteFile, complaint: Callable[..., str], call: str, told: str
) -> None:
    path = write(
        "dnsconfig.js", f'// first\nD("example.com", "r",\n  A("@", "192.0.2.1"),\n  {call}\n);\n'
    )
    message = complaint(path)
    assert message.startswith(f"{path}:4: "), message
    assert re.search(told, message), message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('D("a", "r");\nD("a.", "r");\n', r":2: D\(\"a.\"\) is there already"),
        ('\nD_EXTEND("a.b");\n', r":2: D_EXTEND\(\"a.b\"\): there is no D\(\) for it before"),
        ("D(5);\n", ":1: a domain's name is a string, found 5"),
        ('D("a", "r", 5);\n', r":1: D\(\"a\"\): 5 is neither a record nor a modifier"),
        ("throw {};\n", "."),
        ("throw null;\n", "throws null, or takes more than 256 MiB of memory"),
        ("var a;\nvar b = '\0';\n", ":2: a NUL octet, which no program has; remove it"),
        *(
            (f"D('a', 'r', function (d) {{ d.records.push({row}); }});", told)
            for row, told in [
                ('["A", 3, 300, "", []]', r":3: A\(\): found 0 values, expected 2, the name first"),
                ('["NAPTR", 3, 300, "", ["a", 1]]', r":3: NAPTR.*found 2 values, expected 7"),
                ('["A", 3, 300]', "makes records that cannot be read"),
                ('["HTTPS", 3, 300, "", []]', "not a type that is read here"),
            ]
        ),
        ("Array.prototype.toJSON = function () { return 5; };", "cannot be read"),
        ('D("a", "r", A([[["x"]]], 1), A("b", {toJSON: 5}));', "the name is a text"),
        (
            "RegExp.prototype.exec = function () {return [0, 'x'];}; D('a', 'r', A('a', 'b'));",
            "malformed",
        ),
        ("var a = []; for (var i = 0; i < 3000; i++) a = [a]; D('a', 'r', A(a, 1));", "."),
        ("", "no rows"),
    ],
)
def test_a_program_that_fails_is_told(
    write: WriteFile, complaint: Callable[..., str], text: str, told: str
) -> None:
    path = write("dnsconfig.js", text)
    message = complaint(path)
    assert message.startswith(str(path))
    assert re.search(told, message), message


def test_a_program_that_goes_on_and_on_is_stopped(
    write: WriteFile, refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("numdip.plan.dnscontrol.evaluate", partial(evaluate, seconds=1))
    path = write("dnsconfig.js", 'D("a", "r");\nfor (;;) {}\n')
    message = refusal(path)
    assert message.startswith(f"{path}")
    assert message.endswith("runs for more than 1 seconds; is there a loop without an end?")


def test_bad_records_are_left_out_on_demand(write: WriteFile, tmp_path: Path) -> None:
    path = write(
        "dnsconfig.js",
        'D("4.4.e164.arpa", "r",\n  A("a", "b"),\n  A("a", "192.0.2.1"),\n'
        '  NAPTR("*", 1, 1, "u", "E2U+sip", "!^.*$!sip:a@x.example", "."));\n',
    )
    built = build([str(path)], str(tmp_path / "a.snap"), on_error="skip")
    assert (built.records, built.left_out) == (1, 2)
    assert [fault[: len(f"{path}:4:")] for fault in built.faults] == [f"{path}:2:", f"{path}:4:"]


@settings(max_examples=15)
@given(st.text(max_size=40))
def test_any_text_is_read_or_told(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "dnsconfig.js"
    path.write_text(text, "utf-8", errors="surrogatepass")
    try:
        read(path, [])
    except PlanError as error:
        assert str(error).startswith(str(path))  # noqa: PT017


# ---------- JSON ---------------------------------------------------------------------------------

#: As DNSControl writes it: zero and empty fields are left out.
RECORDS = [
    {
        "type": "NAPTR",
        "name": "@",
        "filepos": "[line:3:5]",
        "ttl": 300,
        "naptrorder": 100,
        "naptrpreference": 10,
        "naptrflags": "u",
        "naptrservice": "E2U+sip",
        "naptrregexp": r"!^(.*)$!sip:\1@example.com!",
        "target": ".",
    },
    {
        "type": "SRV",
        "name": "_sip._udp.sub",
        "subdomain": "sub",
        "srvport": 5060,
        "target": "sip",
    },
    {"type": "CNAME", "name": "sub", "subdomain": "sub", "target": "@", "ttl": 5},
    {"type": "TXT", "name": "t", "target": "a b"},
    {"type": "MX", "name": "@", "mxpreference": 10, "target": "mx.example.net."},
]


def test_json_means_what_the_functions_mean(write: WriteFile) -> None:
    domain = {
        "name": "example.com!inside",
        "meta": {"ns_ttl": "60"},
        "records": RECORDS,
        "nameservers": [{"name": "ns.example.net"}],
    }
    path = write("ir.json", json.dumps({"registrars": [], "domains": [domain, {"name": "x"}]}))
    assert read(path) == [
        (3, "example.com.", 300, r'NAPTR 100 10 "u" "E2U+sip" "!^(.*)$!sip:\\1@example.com!" .'),
        (0, "_sip._udp.sub.example.com.", 300, "SRV 0 0 5060 sip.sub.example.com."),
        (0, "sub.example.com.", 5, "CNAME sub.example.com."),
        (0, "t.example.com.", 300, 'TXT "a b"'),
        (0, "example.com.", 300, "MX 10 mx.example.net."),
        (0, "example.com.", 60, "NS ns.example.net."),
    ]
    assert Dnsconfig(str(path), progress=lambda octets: None).zones == ["example.com.", "x."]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"domains": 5}',
        '{"domains": [{}]}',
        '{"domains": [{"name": 5}]}',
        '{"domains": [{"name": "a", "records": [5]}]}',
        '{"domains": [{"name": "a", "records": [{"type": "A"}]}]}',
        pytest.param("[" * 10**5, id="deep"),
    ],
)
def test_other_json_is_refused(write: WriteFile, refusal: Callable[..., str], text: str) -> None:
    path = write("ir.json", text)
    assert refusal(path).startswith(f"{path}: not what dnscontrol print-ir writes")


def test_a_dnsconfig_is_a_plan(write: WriteFile, tmp_path: Path) -> None:
    path = write(
        "dnsconfig.js",
        'D("4.4.e164.arpa", "r",\n'
        r'  NAPTR("*", 1, 1, "u", "E2U+sip", "!^\\+44(.*)$!sip:\\1@gw.example!", "."));',
    )
    built = build([str(path)], str(tmp_path / "a.snap"))
    assert built.records == 1
    db = numdip.open(tmp_path / "a.snap")
    assert [one.apply("+441") for one in db.records("+441")] == ["sip:1@gw.example"]
    assert '"zones": ["4.4.e164.arpa."]' in db.meta
