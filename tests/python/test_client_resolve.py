"""From numbers to URIs and servers over the network: the walks' own cases, and what goes wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import numdip
from client_servers import Does, says, silence
from conftest import Served
from numdip import Naptr, TelUri
from numdip._native import Walk
from numdip.client.resolving import MAX_NUMBERS, MAX_QUESTIONS
from numdip.plan import build
from resolving_servers import (
    DOMAIN,
    NUMBER,
    Resolves,
    Zone,
    addresses,
    asked,
    awaited,
    blocking,
    gives,
    knows,
    leads_to,
    loopback,
    uris,
)
from selection_zone import selections, zone

TELEPHONES = {
    f"+44163296008{digit}": f"{digit}.8.0.0.6.9.2.3.6.1.4.4.e164.arpa" for digit in "456789"
}


@pytest.fixture(params=[blocking, awaited], ids=["blocking", "awaited"])
def resolve(request: pytest.FixtureRequest) -> Resolves:
    found: Resolves = request.param
    return found


# ---------- URIs ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("selection")
    (folder / "e164.zone").write_text(zone())
    build([str(folder / "e164.zone")], str(folder / "e164.snap"))
    server = Served(["--plan", str(folder / "e164.snap"), "--listen", "127.0.0.1:0"])
    server.wait_ready()
    yield server
    server.kill()


@pytest.mark.parametrize(
    ("apex", "case", "expected"), [pytest.param(*rest, id=name) for name, *rest in selections()]
)
def test_cases_of_selection_hold_over_the_network(
    served: Served, resolve: Resolves, apex: str, case: dict[str, Any], expected: dict[str, Any]
) -> None:
    wanted = None if case["enumservices"] == ["*"] else case["enumservices"]
    servers = [f"127.0.0.1:{served.port}"]
    found = resolve(case["aus"], wanted, servers=servers, of={"apex": apex})
    outputs = [one.output for one in found]
    told = {
        "single": outputs[0] if outputs else None,
        "lenient_fallback": outputs[1] if len(outputs) > 1 else None,
        "ordered_uris": outputs,
        "ordered": [[" ".join(one.services), one.output] for one in found],
        "dns_queries": sum(step["step"] == "asked" for step in found.steps),
        # Who takes the first URI and comes back for more is not asked for here.
        "strict_fallback": expected.get("strict_fallback"),
    }
    assert expected == {name: told[name] for name in expected}
    assert {one.ttl for one in found} <= {60}


def test_there_are_as_many_cases_as_ever() -> None:
    assert len(list(selections())) >= 21


NAMES = st.integers(0, 7).map(lambda number: f"n{number}.example")
RECORDS = st.one_of(
    st.builds(leads_to, NAMES | st.just(DOMAIN), st.integers(1, 2)),
    st.builds(gives, st.integers(0, 9).map("sip:{}@x.example".format), order=st.integers(1, 2)),
)


@settings(max_examples=40)
@given(st.dictionaries(NAMES | st.just(DOMAIN), st.lists(RECORDS, min_size=1, max_size=4)))
def test_the_network_adds_and_loses_nothing_however_records_lead_on(sets: Zone) -> None:
    # Among equal ones the order on the wire would decide, which is not always the same.
    for name, rows in sets.items():
        sets[name] = [row.replace(" 1 ", f" {place} ", 1) for place, row in enumerate(rows)]
    walk = Walk.of_number(NUMBER, DOMAIN)
    expected, names = [], []
    while (move := walk.step()) is not None:
        if "ask" in move:
            names.append(f"{move['ask'].rstrip('.')} NAPTR")
            texts = sets.get(move["ask"].rstrip("."), [])
            records = [Naptr.parse(text) for text in texts]
            walk.answer(sorted(records, key=lambda record: (record.order, record.preference)))
        else:
            expected.append(move["uri"])
    with loopback(knows({f"{name} NAPTR": rows for name, rows in sets.items()})) as servers:
        found = blocking(NUMBER, servers=addresses(servers), of={"hedge": False})
        assert names == asked(servers[0])
    assert expected == uris(found)
    assert found.failures == ()
    assert len(names) == len(set(names)) <= 6


def test_names_in_a_circle_come_to_an_end(resolve: Resolves) -> None:
    circle = {
        f"{DOMAIN} NAPTR": [leads_to("a.example"), gives("sip:yes@x.example", order=2)],
        "a.example NAPTR": [leads_to("B.example")],
        "b.example NAPTR": [leads_to("b.example"), leads_to("A.EXAMPLE"), leads_to(DOMAIN)],
    }
    with loopback(knows(circle)) as servers:
        found = resolve(NUMBER, "sip", servers=addresses(servers))
        assert asked(servers[0]) == [*circle]
    assert uris(found) == ["sip:yes@x.example"]
    assert [step["code"] for step in found.steps if step["step"] == "passed-over"] == ["loop"] * 3


def test_a_uri_may_be_kept_for_the_least_ttl_on_its_way(resolve: Resolves) -> None:
    first = knows(
        {f"{DOMAIN} NAPTR": [leads_to("a.example"), gives("sip:a@x.example", order=2)]}, 9
    )
    second = knows({"a.example NAPTR": [gives("sip:b@x.example")]}, 30)

    def both(query: dns.message.Message, send: Callable[[bytes], object]) -> None:
        (second if query.question[0].name.to_text() == "a.example." else first)(query, send)

    with loopback(both) as servers:
        found = resolve(NUMBER, servers=addresses(servers))
    assert [(one.uri, one.ttl) for one in found] == [("sip:b@x.example", 9), ("sip:a@x.example", 9)]


def test_answers_are_kept_for_the_next_time() -> None:
    records = {f"{DOMAIN} NAPTR": [leads_to("a.example")], "a.example NAPTR": [gives("sip:b@x")]}
    with (
        loopback(knows(records)) as servers,
        numdip.Client(addresses(servers), cache=10) as client,
    ):
        first, second = client.resolve(NUMBER), client.resolve(NUMBER)
        assert uris(first) == uris(second) == ["sip:b@x"]
        assert len(servers[0].queries) == 2


def test_both_clients_find_the_same() -> None:
    records = CHAIN | {"z.example AAAA": ["2001:db8::1"]}
    with loopback(knows(records)) as servers:
        one, other = (
            call(NUMBER, "sip", servers=addresses(servers), follow=True)
            for call in (blocking, awaited)
        )
    assert one == other
    assert [{**step, "how": None} for step in one.steps] == [
        {**step, "how": None} for step in other.steps
    ]
    assert len(one) > 1


# ---------- Servers that fail --------------------------------------------------------------------


def until(name: str, before: Does, after: Does) -> Does:
    """Does one thing, and another from the first question for a name on."""
    met = False

    def does(query: dns.message.Message, send: Callable[[bytes], object]) -> None:
        nonlocal met
        met = met or query.question[0].name.to_text(omit_final_dot=True).lower() == name
        (after if met else before)(query, send)

    return does


WALKED = {
    f"{DOMAIN} NAPTR": [leads_to("a.example"), gives("sip:late@x.example", order=2)],
    "a.example NAPTR": [leads_to("b.example")],
    "b.example NAPTR": [gives("sip:found@x.example")],
}


@pytest.mark.parametrize("dead", [silence, says("SERVFAIL"), says("REFUSED")])
def test_a_server_that_dies_within_a_walk_is_failed_over(resolve: Resolves, dead: Does) -> None:
    with loopback(until("a.example", knows(WALKED), dead), knows(WALKED)) as servers:
        found = resolve(NUMBER, servers=addresses(servers), of={"timeout": 0.1, "hedge": False})
        assert asked(servers[0])[0] == f"{DOMAIN} NAPTR"
        assert asked(servers[1])[-1] == "b.example NAPTR"
    assert uris(found) == ["sip:found@x.example", "sip:late@x.example"]
    assert found.failures == ()


@pytest.mark.parametrize(
    ("dead", "why"), [(silence, "a.example. NAPTR: "), (says("SERVFAIL"), "SERVFAIL")]
)
def test_where_none_answers_the_way_goes_on_elsewhere(
    resolve: Resolves, dead: Does, why: str
) -> None:
    with loopback(until("a.example", knows(WALKED), dead)) as servers:
        options = {"timeout": 0.1, "deadline": 0.4}
        found = resolve(NUMBER, servers=addresses(servers), of=options)
    assert uris(found) == ["sip:late@x.example"]
    assert len(found.failures) == 1
    assert why in found.failures[0]


def test_the_deadline_holds_for_all_of_it(resolve: Resolves) -> None:
    names = [DOMAIN, *(f"n{i}.example" for i in range(6))]
    chain = {f"{a} NAPTR": [leads_to(b)] for a, b in pairwise(names)}
    answers = knows(chain)

    def slowly(query: dns.message.Message, send: Callable[[bytes], object]) -> None:
        time.sleep(0.2)
        answers(query, send)

    with loopback(slowly) as servers:
        begin = time.monotonic()
        options = {"timeout": 0.5, "deadline": 0.5, "hedge": False}
        found = resolve(NUMBER, servers=addresses(servers), of=options)
        took = time.monotonic() - begin
        assert len(servers[0].queries) <= 3
    assert len(found.failures) == 1
    assert took < 0.9


@pytest.mark.parametrize(
    ("does", "error"),
    [
        (silence, numdip.ClientTimeoutError),
        (says("REFUSED"), numdip.ClientRefusedError),
        (says("SERVFAIL"), numdip.ClientServerFailureError),
        (says("NOTIMP"), numdip.ClientResponseError),
    ],
)
def test_no_answer_for_the_number_is_an_error(
    resolve: Resolves, does: Does, error: type[Exception]
) -> None:
    with loopback(does) as servers, pytest.raises(error):
        resolve(NUMBER, servers=addresses(servers), of={"timeout": 0.1, "deadline": 0.2})


# ---------- What is followed ---------------------------------------------------------------------

CHAIN = {
    f"{DOMAIN} NAPTR": [gives("sip:u@example.com"), gives("sip:u@192.0.2.9:5080", order=2)],
    "example.com NAPTR": [
        '50 50 "s" "SIPS+D2T" "" _sips._tcp.example.com.',
        '90 50 "s" "SIP+D2T" "" _sip._tcp.example.com.',
    ],
    "_sip._tcp.example.com SRV": ["0 1 5070 y.example.", "1 1 5071 z.example."],
    "y.example A": ["192.0.2.1"],
    "z.example A": ["192.0.2.2"],
}


def test_sip_uris_lead_to_servers_if_that_is_asked_for(resolve: Resolves) -> None:
    with loopback(knows(CHAIN)) as servers:
        plain = resolve(NUMBER, servers=addresses(servers))
        assert len(servers[0].queries) == 1
        found = resolve(NUMBER, servers=addresses(servers), follow=True, transports=["TCP"])
    assert [one.servers for one in plain] == [(), ()]
    told = [
        [
            (" ".join(server.protocols), server.host, server.port, server.address)
            for server in one.servers
        ]
        for one in found
    ]
    assert told == [
        [("TCP", "y.example.", 5070, "192.0.2.1"), ("TCP", "z.example.", 5071, "192.0.2.2")],
        [("TCP", "192.0.2.9", 5080, "192.0.2.9")],
    ]


def test_questions_have_a_bound_whatever_records_say(resolve: Resolves) -> None:
    # Each domain takes some questions, and there are more than enough of them.
    names = [DOMAIN, "a.example", "b.example", "c.example"]
    records = {
        f"{name} NAPTR": [
            *(gives(f"sip:u@{i}.{name[0]}.example", order=i) for i in range(15)),
            leads_to(after, 20),
        ]
        for name, after in pairwise([*names, DOMAIN])
    }
    with loopback(knows(records)) as servers:
        options = {"deadline": 20.0, "hedge": False}
        found = resolve(NUMBER, servers=addresses(servers), of=options, follow=True)
        assert len(servers[0].queries) == MAX_QUESTIONS
    assert len(found) == 60
    assert len(found.failures) == 1
    assert str(MAX_QUESTIONS) in found.failures[0]


def test_a_tel_uri_leads_to_the_uris_of_its_number_once(resolve: Resolves) -> None:
    a, b, c = list(TELEPHONES)[:3]
    records = {
        f"{DOMAIN} NAPTR": [gives(f"tel:{a}", "voice:tel"), gives("sip:last@x.example", order=2)],
        f"{TELEPHONES[a]} NAPTR": [
            gives("sip:first@x.example"),
            gives(f"tel:{b}", "voice:tel", order=2),
            gives(f"tel:{NUMBER}", "voice:tel", order=3),
        ],
        f"{TELEPHONES[b]} NAPTR": [gives("sip:never@x.example")],
        f"{TELEPHONES[c]} NAPTR": [gives("sip:never@x.example")],
    }
    with loopback(knows(records)) as servers:
        wanted = resolve(NUMBER, "sip", servers=addresses(servers), follow=True)
        questions = [key for key in asked(servers[0]) if "e164.arpa" in key]
        assert questions == [f"{DOMAIN} NAPTR", f"{TELEPHONES[a]} NAPTR"]
        everything = resolve(NUMBER, servers=addresses(servers), follow=True)
        plain = resolve(NUMBER, servers=addresses(servers))
    assert [(one.uri, one.number) for one in wanted] == [
        ("sip:first@x.example", a),
        ("sip:last@x.example", NUMBER),
    ]
    # What ENUM was asked for says so; b it was not.
    assert uris(everything) == [
        "sip:first@x.example",
        f"tel:{b}",
        f"tel:{NUMBER};enumdi",
        f"tel:{a};enumdi",
        "sip:last@x.example",
    ]
    assert uris(plain) == [f"tel:{a}", "sip:last@x.example"]


@pytest.mark.parametrize(
    "uri",
    [
        f"tel:{NUMBER}",
        "tel:+441632960084;enumdi",
        "tel:+441632960084;m-unknown=1",
        "tel:7042;phone-context=example.com",
        "tel:+4416329600841234",
        "tel:x",
    ],
)
def test_some_tel_uris_lead_nowhere(resolve: Resolves, uri: str) -> None:
    with loopback(knows({f"{DOMAIN} NAPTR": [gives(uri, "voice:tel")]})) as servers:
        found = resolve(NUMBER, servers=addresses(servers), follow=True)
        assert len(servers[0].queries) == 1
    assert [one.output for one in found] == [uri]
    assert found[0].uri == (f"{uri};enumdi" if uri.endswith(NUMBER) else uri)


def test_a_number_that_names_many_is_followed_to_some(resolve: Resolves) -> None:
    rows = [gives(f"tel:{number}", "voice:tel", order=i) for i, number in enumerate(TELEPHONES)]
    with loopback(knows({f"{DOMAIN} NAPTR": rows})) as servers:
        resolve(NUMBER, "sip", servers=addresses(servers), follow=True)
        assert len(servers[0].queries) == MAX_NUMBERS <= len(rows)


# ---------- What was done before -----------------------------------------------------------------


def test_a_number_is_passed_on_with_enumdi_only_if_it_does_not_exist(resolve: Resolves) -> None:
    records = {f"{DOMAIN} NAPTR": [gives("h323:u@x.example", "h323")], f"{DOMAIN[2:]} TXT": ["x"]}
    with loopback(knows(records)) as servers:
        told = [
            resolve(number, "sip", servers=addresses(servers))
            for number in (NUMBER, NUMBER[:-1], "+441632960084", "tel:+44-1632-960084;npdi")
        ]
    assert [list(one) for one in told] == [[]] * 4
    assert [one.tel for one in told] == [
        f"tel:{NUMBER}",
        f"tel:{NUMBER[:-1]}",
        "tel:+441632960084;enumdi",
        "tel:+441632960084;enumdi;npdi",
    ]


@pytest.mark.parametrize(
    ("number", "service"),
    [
        (f"tel:{NUMBER};enumdi", None),
        (TelUri(f"TEL:{NUMBER};ENUMDI;npdi"), "sip"),
        (f"tel:{NUMBER};npdi;rn=+441632", "pstn:tel"),
        (f"tel:{NUMBER};npdi", ["E2U+pstn:tel", "PSTN:sip"]),
    ],
)
def test_what_was_asked_before_is_not_asked_again(
    resolve: Resolves, number: Any, service: Any
) -> None:
    with loopback(says("REFUSED")) as servers:
        found = resolve(number, service, servers=addresses(servers), follow=True)
        assert servers[0].queries == []
    assert (found.number, list(found)) == (NUMBER, [])
    assert TelUri(found.tel) == (number if isinstance(number, TelUri) else TelUri(number))


def test_portability_that_is_known_is_left_alone(resolve: Resolves) -> None:
    pstn = gives(f"tel:{NUMBER};npdi;rn=+441632", "pstn:tel")
    both = gives("sip:u@x.example", "pstn:sip+sip", order=2)
    records = {f"{DOMAIN} NAPTR": [pstn, both]}
    with loopback(knows(records)) as servers:
        known = resolve(f"tel:{NUMBER};npdi", servers=addresses(servers))
        unknown = resolve(NUMBER, servers=addresses(servers))
    assert [(one.uri, one.services) for one in known] == [("sip:u@x.example", ("sip",))]
    assert [step["code"] for step in known.steps if step["step"] == "passed-over"] == ["npdi"]
    assert uris(unknown) == [f"tel:{NUMBER};enumdi;npdi;rn=+441632", "sip:u@x.example"]


@pytest.mark.parametrize(
    ("args", "how", "error"),
    [
        (["nobody"], {}, numdip.NumberError),
        (["tel:7042;phone-context=example.com"], {}, numdip.NumberError),
        ([f"tel:{NUMBER};rn=1"], {}, numdip.UriError),
        ([NUMBER, "a b"], {}, numdip.NaptrError),
        ([NUMBER], {"transports": ["carrier-pigeon"]}, numdip.ConfigError),
        ([NUMBER], {"transports": []}, numdip.ConfigError),
    ],
)
def test_what_makes_no_sense_is_told_before_anybody_is_asked(
    resolve: Resolves, args: list[Any], how: dict[str, Any], error: type[Exception]
) -> None:
    with loopback(silence) as servers, pytest.raises(error):
        resolve(*args, servers=addresses(servers), **how)
    assert servers[0].queries == []


def test_a_resolution_that_is_cancelled_leaves_nothing_behind() -> None:
    async def run() -> None:
        async with numdip.AsyncClient(addresses(servers), deadline=60, timeout=30) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await client.resolve(NUMBER)
            assert client._waiting == {}

    with loopback(silence) as servers:
        asyncio.run(run())
