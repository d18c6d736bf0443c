"""Both clients against servers that misbehave: the right result or the right error, in time."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

import numdip
from client_servers import (
    NUMBER,
    RECORD,
    Does,
    Loopback,
    Message,
    answer,
    awaited,
    blocking,
    response,
    says,
    silence,
)

DEADLINE = 1.5
#: A busy machine wakes nobody on time.
SLACK = 1.0

Start = Callable[..., Loopback]
Ask = Callable[..., Any]


@pytest.fixture(params=[blocking, awaited], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Calls a method of a client of these servers, and checks that it keeps its deadline."""

    def call(method: str, *servers: Loopback, **options: Any) -> Any:
        addresses = [server.address for server in servers]
        options = {"timeout": 0.3, "deadline": DEADLINE, **options}
        begin = time.monotonic()
        try:
            return request.param(method, NUMBER, servers=addresses, **options)
        finally:
            assert time.monotonic() - begin < DEADLINE + SLACK

    return call


def truncated(query: Message, send: Callable[[bytes], object]) -> None:
    send(response(query, flags=dns.flags.TC).to_wire())


def framed(query: Message) -> bytes:
    octets = response(query, "NOERROR", RECORD).to_wire()
    return struct.pack("!H", len(octets)) + octets


# ---------- Answers ------------------------------------------------------------------------------


def test_answer_names_the_network(start: Start, ask: Ask) -> None:
    server = start()
    found = ask("lookup", server)
    assert isinstance(found, numdip.NetworkAnswer)
    assert (found.number, found.mcc, found.mnc, found.ttl) == (NUMBER, "310", "012", 3)
    assert (found.uri, found.npdi, found.rn) == (f"tel:{NUMBER};mcc=310;mnc=012", False, None)
    assert found.parameters == {"mcc": "310", "mnc": "012"}
    assert (found.server, found.transport) == (server.address, "udp")
    assert 0 < found.milliseconds < 1000 * DEADLINE
    assert found.record.regexp == r"!^(.*)$!tel:\1;mcc=310;mnc=012!"


def test_unknown_number_and_number_without_records_are_none(start: Start, ask: Ask) -> None:
    assert ask("lookup", start(says("NXDOMAIN"))) is None
    assert ask("lookup", start(says("NOERROR"))) is None
    # Who must tell them apart asks for the reply.
    assert ask("ask", start(says("NXDOMAIN"))).rcode == "NXDOMAIN"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            r'1 1 "U" "E2U+pstn:tel" "!^(.*)$!mcc=604;mnc=001;ported=false;err=0!" .',
            {
                "mcc": "604",
                "mnc": "001",
                "uri": None,
                "output": "mcc=604;mnc=001;ported=false;err=0",
            },
        ),
        (
            r'1 1 "u" "E2U+pstn:tel" "!^.*$!tel:+73422;npdi;rn=d2701;rn-context=+7;spid=0012!" .',
            {"npdi": True, "rn": "d2701", "rn_context": "+7", "spid": "0012", "mcc": None},
        ),
        (
            r'1 1 "u" "E2U+sip" "!^(.*)$!sip:\\1;npdi@gw.example;user=phone;MCC=012!" .',
            {"npdi": True, "mcc": "012"},
        ),
    ],
)
def test_answers_of_every_kind_are_read(
    start: Start, ask: Ask, record: str, expected: dict[str, Any]
) -> None:
    found = ask("lookup", start(says("NOERROR", record)))
    assert expected == {name: getattr(found, name) for name in expected}


def test_doubled_escapes_are_read_if_that_is_wanted_and_told(start: Start, ask: Ask) -> None:
    record = r'10 50 "u" "E2U+pstn:tel" "!^(.*)$!tel:\\\\1\\;mcc=310\\;mnc=012!" .'
    server = start(says("NOERROR", record))
    with pytest.raises(numdip.ClientRecordError, match="lenient"):
        ask("lookup", server)
    found = ask("lookup", server, lenient=True)
    assert (found.lenient, found.mnc, found.uri) == (True, "012", f"tel:{NUMBER};mcc=310;mnc=012")


def test_flags_that_are_no_letters_cost_nothing(start: Start, ask: Ask) -> None:
    """A record with octets that libraries refuse does not take the message with it."""

    def odd(query: Message, send: Callable[[bytes], object]) -> None:
        made = response(query, "NOERROR", r'9 9 "\\!\255" "" "" .', RECORD)
        send(made.to_wire())

    server = start(odd)
    assert ask("lookup", server).mnc == "012"
    assert len(ask("ask", server).reply.records) == 2


# ---------- Refusals -----------------------------------------------------------------------------


def test_refusal_with_an_answer_shows_it(start: Start, ask: Ask) -> None:
    record = r'0 0 "u" "E2U+SIP" "!^(.*)$!sip:\\1@host.example;err=1!" .'
    server = start(says("REFUSED", record))
    with pytest.raises(numdip.ClientRefusedError, match=r"REFUSED.*err=1") as caught:
        ask("lookup", server)
    assert caught.value.rcode == "REFUSED"
    assert caught.value.answer is not None
    assert caught.value.answer.parameters["err"] == "1"
    assert len(caught.value.records) == 1
    assert caught.value.server == str(server.address)
    outcome = ask("ask", server)
    assert (outcome.rcode, len(outcome.reply.records)) == ("REFUSED", 1)


def test_failure_comes_with_its_extended_error(start: Start, ask: Ask) -> None:
    def failing(query: Message, send: Callable[[bytes], object]) -> None:
        made = response(query, "SERVFAIL")
        made.use_edns(options=[dns.edns.EDEOption(dns.edns.EDECode(23), "no HLR")])
        send(made.to_wire())

    with pytest.raises(numdip.ClientServerFailureError, match="extended error 23 no HLR") as caught:
        ask("lookup", start(failing))
    assert caught.value.extended == ((23, "no HLR"),)


def test_other_codes_are_errors_with_their_name(start: Start, ask: Ask) -> None:
    with pytest.raises(numdip.ClientResponseError, match="NOTAUTH") as caught:
        ask("lookup", start(says("NOTAUTH")))
    assert type(caught.value) is numdip.ClientResponseError


# ---------- Silence and delay --------------------------------------------------------------------


def test_silence_is_a_timeout_at_the_deadline(start: Start, ask: Ask) -> None:
    begin = time.monotonic()
    with pytest.raises(numdip.ClientTimeoutError, match="no answer within"):
        ask("lookup", start(silence))
    assert time.monotonic() - begin > DEADLINE - 0.1


def test_answer_that_is_late_but_in_time_counts(start: Start, ask: Ask) -> None:
    def late(query: Message, send: Callable[[bytes], object]) -> None:
        time.sleep(0.15)
        answer(query, send)

    assert ask("lookup", start(late)).mnc == "012"


def test_server_that_wakes_up_is_asked_again(start: Start, ask: Ask) -> None:
    seen: list[Message] = []

    def deaf(query: Message, send: Callable[[bytes], object]) -> None:
        seen.append(query)
        if len(seen) > 2:
            answer(query, send)

    assert ask("lookup", start(deaf)).mnc == "012"


def test_nobody_there_is_told_at_once(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:  # by TCP alone: UDP is refused
        nobody = Loopback.__new__(Loopback)
        nobody.port = holder.getsockname()[1]
        begin = time.monotonic()
        with pytest.raises(numdip.ClientError, match="refused") as caught:
            ask("lookup", nobody)
    assert not isinstance(caught.value, TimeoutError)
    assert time.monotonic() - begin < 1


# ---------- Forged and broken answers ------------------------------------------------------------


def spoiled(spoil: Callable[[bytearray], object]) -> Does:
    """First a spoiled NXDOMAIN, then the answer."""

    def behave(query: Message, send: Callable[[bytes], object]) -> None:
        octets = bytearray(response(query, "NXDOMAIN").to_wire())
        spoil(octets)
        send(bytes(octets))
        answer(query, send)

    return behave


def set_octet(place: int, mask: int) -> Callable[[bytearray], object]:
    def spoil(octets: bytearray) -> None:
        octets[place] ^= mask

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        set_octet(0, 1),  # the id
        set_octet(13, 1),  # a digit of the question
        set_octet(2, 0x80),  # a query, no response
        set_octet(2, 0x20),  # a response to NOTIFY
        lambda octets: octets.__delitem__(slice(20, None)),  # cut in the question
        lambda octets: octets.__setitem__(slice(None), b"\xff" * 300),
        lambda octets: octets.__setitem__(slice(2, None), b"\xc0\x0c" * 100),
        lambda octets: octets.clear(),
        lambda octets: octets.__setitem__(7, 9),  # nine answers, none there
    ],
    ids=["id", "question", "query", "opcode", "cut", "garbage", "pointers", "empty", "counts"],
)
def test_forged_answer_that_comes_first_is_passed_over(
    start: Start, ask: Ask, spoil: Callable[[bytearray], object]
) -> None:
    server = start(spoiled(spoil))
    assert ask("lookup", server).mnc == "012"
    assert len(server.queries) == 1, "the right answer to the first query was taken"


def test_forged_answers_alone_are_silence(start: Start, ask: Ask) -> None:
    def forged(query: Message, send: Callable[[bytes], object]) -> None:
        made = response(query, "NXDOMAIN")
        made.id ^= 1
        send(made.to_wire())

    with pytest.raises(numdip.ClientTimeoutError):
        ask("lookup", start(forged))


def test_a_flood_of_forged_answers_hides_nothing(start: Start, ask: Ask) -> None:
    def flood(query: Message, send: Callable[[bytes], object]) -> None:
        octets = bytearray(response(query, "NXDOMAIN").to_wire())
        for number in range(3000):
            octets[:2] = (query.id ^ (1 + number)).to_bytes(2, "big")
            send(bytes(octets))
            if number % 500 == 0:  # the system may drop one of many
                answer(query, send)

    assert ask("lookup", start(flood)).mnc == "012"


def test_answer_from_another_source_is_passed_over(start: Start, ask: Ask) -> None:
    server = start()

    def elsewhere(query: Message, send: Callable[[bytes], object]) -> None:
        server.send_from_elsewhere(response(query, "NXDOMAIN").to_wire())
        answer(query, send)

    server.udp = elsewhere
    assert ask("lookup", server).mnc == "012"


def test_letter_case_must_come_back(start: Start, ask: Ask) -> None:
    def lowered(query: Message, send: Callable[[bytes], object]) -> None:
        octets = bytearray(response(query, "NXDOMAIN").to_wire())
        name = octets.index(4, 12)  # the apex, behind labels of one octet
        octets[name : name + 11] = bytes(octets[name : name + 11]).swapcase()
        send(bytes(octets))
        answer(query, send)

    server = start(lowered)
    assert ask("lookup", server, mixed_case=True).mnc == "012"
    for _ in range(9):
        ask("lookup", server, mixed_case=True)
    # 9 letters, 10 questions: the same case each time has a chance of 2 to the power of -81.
    assert len({str(query.question[0].name) for query in server.queries}) > 1


def test_cookie_of_somebody_else_is_forged(start: Start, ask: Ask) -> None:
    def cookies(query: Message, send: Callable[[bytes], object]) -> None:
        [sent] = [option for option in query.options if int(option.otype) == 10]
        client = sent.to_wire()
        assert client is not None
        for rcode, cookie in (("NXDOMAIN", b"\x00" * 16), ("NOERROR", client[:8] + b"serverXY")):
            made = response(query, rcode, *([RECORD] if rcode == "NOERROR" else []))
            made.use_edns(options=[dns.edns.GenericOption(dns.edns.OptionType.COOKIE, cookie)])
            send(made.to_wire())

    assert ask("lookup", start(cookies)).mnc == "012"


def test_cookie_is_given_back_and_a_bad_one_mended(start: Start) -> None:
    seen: list[bytes] = []

    def strict(query: Message, send: Callable[[bytes], object]) -> None:
        [sent] = [option for option in query.options if int(option.otype) == 10]
        octets = sent.to_wire() or b""
        seen.append(octets)
        is_right = octets[8:] == b"serverXY"
        made = response(query, "NOERROR", *([RECORD] if is_right else []))
        made.use_edns(
            options=[dns.edns.GenericOption(dns.edns.OptionType.COOKIE, octets[:8] + b"serverXY")]
        )
        made.set_rcode(dns.rcode.NOERROR if is_right else dns.rcode.BADCOOKIE)
        send(made.to_wire())

    with numdip.Client([start(strict).address]) as client:
        for _ in range(2):
            found = client.lookup(NUMBER)
            assert found is not None
    assert [len(octets) for octets in seen] == [8, 16, 16]
    assert len({octets[:8] for octets in seen}) == 1


# ---------- TCP ----------------------------------------------------------------------------------


def test_truncated_answer_is_read_by_tcp(start: Start, ask: Ask) -> None:
    server = start(truncated, lambda query, connection: connection.sendall(framed(query)))
    found = ask("lookup", server)
    assert (found.mnc, found.transport) == ("012", "tcp")


def test_slow_tcp_is_read_as_long_as_there_is_time(start: Start, ask: Ask) -> None:
    def slow(query: Message, connection: socket.socket) -> None:
        octets = framed(query)
        for place in range(0, len(octets), 10):
            connection.sendall(octets[place : place + 10])
            time.sleep(0.01)

    assert ask("lookup", start(truncated, slow), timeout=1).transport == "tcp"


def test_tcp_that_never_ends_is_a_timeout(start: Start, ask: Ask) -> None:
    stop = threading.Event()

    def endless(query: Message, connection: socket.socket) -> None:
        connection.sendall(framed(query)[:-1])
        stop.wait(5)

    try:
        with pytest.raises(numdip.ClientTimeoutError):
            ask("lookup", start(truncated, endless))
    finally:
        stop.set()


def test_half_closed_tcp_is_told(start: Start, ask: Ask) -> None:
    def half(query: Message, connection: socket.socket) -> None:
        connection.sendall(framed(query)[:-5])
        connection.shutdown(socket.SHUT_WR)

    with pytest.raises(numdip.ClientError, match="before its answer was whole"):
        ask("lookup", start(truncated, half))
    assert ask("lookup", start(truncated, half), start()).mnc == "012"


def test_wrong_answer_by_tcp_is_told(start: Start, ask: Ask) -> None:
    def wrong(query: Message, connection: socket.socket) -> None:
        query.id ^= 1
        connection.sendall(framed(query))

    with pytest.raises(numdip.ClientError, match="another question"):
        ask("lookup", start(truncated, wrong))


# ---------- EDNS ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["FORMERR", "REFUSED", "silence"])
def test_server_that_takes_no_additional_record_is_remembered(start: Start, kind: str) -> None:
    def picky(query: Message, send: Callable[[bytes], object]) -> None:
        if query.edns < 0:
            answer(query, send)
        elif kind != "silence":
            plain = dns.message.make_query(query.question[0].name, "NAPTR", id=query.id)
            send(response(plain, kind).to_wire())

    server = start(picky)
    with numdip.Client([server.address], timeout=0.3) as client:
        for _ in range(3):
            found = client.lookup(NUMBER)
            assert found is not None
        [state] = client.servers
    assert [query.edns for query in server.queries] == [0, -1, -1, -1]
    assert state.edns is False


@pytest.mark.parametrize(("edns", "expected"), [(True, 0), (False, -1), ("remember", 0)])
def test_edns_is_as_told(start: Start, ask: Ask, edns: Any, expected: int) -> None:
    server = start()
    ask("lookup", server, edns=edns)
    [query] = server.queries
    assert query.edns == expected
    assert bool(query.options) is (expected == 0), "a cookie"
