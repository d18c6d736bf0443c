"""The client against servers on loopback that do what servers do: answer, refuse, fall silent."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from numdip import ClientError, ClientTimeoutError, DomainError, NumberError
from numdip.client import Outcome, ServerAddress, ask

NUMBER = "+13392986156"
NAME = "6.5.1.6.8.9.2.9.3.3.1.e164.arpa."
RECORD = r'10 50 "u" "E2U+pstn:tel" "!^(.*)$!tel:\\1;mcc=310;mnc=012!" .'

Message = dns.message.Message
#: What a server does with a query: octets to send, several, or nothing.
Behaviour = Callable[[Message], "list[bytes]"]


class LoopbackServer:
    """One UDP and TCP server on a port of its own that behaves as told."""

    def __init__(self, udp: Behaviour, tcp: Behaviour, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._tcp = socket.create_server((host, 0), family=family)
        self._udp = socket.socket(family, socket.SOCK_DGRAM)
        self.address = ServerAddress(host, self._tcp.getsockname()[1])
        self._udp.bind((host, self.address.port))
        self.queries: list[Message] = []
        self.sources: list[int] = []
        self._threads = [
            threading.Thread(target=self._serve_udp, args=(udp,)),
            threading.Thread(target=self._serve_tcp, args=(tcp,)),
        ]
        for thread in self._threads:
            thread.start()

    def _serve_udp(self, behave: Behaviour) -> None:
        while True:
            octets, source = self._udp.recvfrom(65535)
            if not octets:
                return
            query = dns.message.from_wire(octets)
            self.queries.append(query)
            self.sources.append(source[1])
            for answer in behave(query):
                self._udp.sendto(answer, source)

    def _serve_tcp(self, behave: Behaviour) -> None:
        while True:
            connection, _ = self._tcp.accept()
            with connection, suppress(ConnectionError):
                head = connection.recv(2)
                if not head:
                    return
                query = dns.message.from_wire(connection.recv(*struct.unpack("!H", head)))
                self.queries.append(query)
                for answer in behave(query):
                    connection.sendall(answer)

    def close(self) -> None:
        # An empty datagram and an empty connection end the threads.
        with socket.socket(self._udp.family, socket.SOCK_DGRAM) as end:
            end.sendto(b"", (self.address.host, self.address.port))
        socket.create_connection((self.address.host, self.address.port)).close()
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()


StartServer = Callable[..., LoopbackServer]


@pytest.fixture
def start() -> Iterator[StartServer]:
    running: list[LoopbackServer] = []

    def start(udp: Behaviour, tcp: Behaviour | None = None, **options: str) -> LoopbackServer:
        running.append(LoopbackServer(udp, tcp or (lambda _: []), **options))
        return running[-1]

    yield start
    for server in running:
        server.close()


def respond(query: Message, rcode: str = "NOERROR", flags: int = 0) -> Message:
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.from_text(rcode))
    response.flags |= flags
    return response


def answer(query: Message) -> list[bytes]:
    response = respond(query)
    response.answer.append(dns.rrset.from_text(query.question[0].name, 3, "IN", "NAPTR", RECORD))
    return [response.to_wire()]


def code(rcode: str) -> Behaviour:
    return lambda query: [respond(query, rcode).to_wire()]


def silence(_: Message) -> list[bytes]:
    return []


def framed(behave: Behaviour) -> Behaviour:
    return lambda query: [struct.pack("!H", len(octets)) + octets for octets in behave(query)]


def asked(*servers: LoopbackServer, timeout: float = 5, **options: float | bool) -> Outcome:
    addresses = [server.address for server in servers]
    return ask(NUMBER, addresses, timeout=timeout, deadline=20, **options)  # type: ignore[arg-type]


@contextmanager
def closed_port() -> Iterator[ServerAddress]:
    """A port where nothing listens: bound by TCP alone, so that UDP is refused."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield ServerAddress("127.0.0.1", holder.getsockname()[1])


# ---------- One server ---------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_answer_gives_records_and_parameters(start: StartServer, host: str) -> None:
    server = start(answer, host=host)
    outcome = asked(server)
    assert (outcome.rcode, outcome.transport) == ("NOERROR", "udp")
    assert outcome.reply.parameters == {"mcc": "310", "mnc": "012"}
    [(ttl, record)] = outcome.reply.records
    assert (ttl, record.order, record.preference) == (3, 10, 50)
    assert record.regexp == r"!^(.*)$!tel:\1;mcc=310;mnc=012!"
    assert outcome.server == server.address
    assert outcome.failures == ()


def test_question_is_the_reversed_digits(start: StartServer) -> None:
    server = start(answer)
    asked(server)
    [query] = server.queries
    [question] = query.question
    assert (str(question.name), question.rdtype) == (NAME, dns.rdatatype.NAPTR)
    assert query.edns == 0


def test_question_is_asked_under_the_apex_without_edns_if_told(start: StartServer) -> None:
    server = start(answer)
    ask(NUMBER, [server.address], apex="enum.example", edns=False)
    [query] = server.queries
    assert str(query.question[0].name).endswith(".1.enum.example.")
    assert query.edns == -1


def test_ids_and_source_ports_change(start: StartServer) -> None:
    server = start(answer)
    for _ in range(8):
        asked(server)
    # Eight equal ones of 65,536 are no chance; two equal ones may be.
    assert len({query.id for query in server.queries}) > 4
    assert len(set(server.sources)) > 4


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "REFUSED", "SERVFAIL", "NOTAUTH"])
def test_response_codes_are_told_apart(start: StartServer, rcode: str) -> None:
    assert asked(start(code(rcode))).rcode == rcode


def test_answers_to_other_questions_are_passed_over(start: StartServer) -> None:
    def stranger(query: Message) -> list[bytes]:
        wrong_id = respond(query, "REFUSED")
        wrong_id.id ^= 1
        other = dns.message.make_query("1.2.3.e164.arpa", "NAPTR", id=query.id)
        no_response = dns.message.make_query(NAME, "NAPTR", id=query.id)
        strange = [wrong_id, respond(other, "SERVFAIL"), no_response]
        return [*(message.to_wire() for message in strange), b"", b"junk", *answer(query)]

    assert asked(start(stranger)).rcode == "NOERROR"


def test_truncated_answer_is_read_by_tcp(start: StartServer) -> None:
    server = start(lambda query: [respond(query, flags=dns.flags.TC).to_wire()], framed(answer))
    outcome = asked(server)
    assert (outcome.rcode, outcome.transport) == ("NOERROR", "tcp")
    assert outcome.reply.parameters["mnc"] == "012"


def test_tcp_answer_may_come_in_pieces(start: StartServer) -> None:
    def pieces(query: Message) -> list[bytes]:
        [octets] = framed(answer)(query)
        return [octets[i : i + 1] for i in range(len(octets))]

    server = start(lambda query: [respond(query, flags=dns.flags.TC).to_wire()], pieces)
    assert asked(server).reply.parameters["mcc"] == "310"


@pytest.mark.parametrize("rcode", ["FORMERR", "NOTIMP"])
def test_server_that_knows_no_edns_is_asked_without(start: StartServer, rcode: str) -> None:
    server = start(lambda query: answer(query) if query.edns < 0 else code(rcode)(query))
    assert asked(server).rcode == "NOERROR"
    assert [query.edns for query in server.queries] == [0, -1]


# ---------- Several servers ----------------------------------------------------------------------


@pytest.mark.parametrize("first", [code("SERVFAIL"), code("REFUSED"), silence])
def test_next_server_is_asked_where_one_gives_no_answer(
    start: StartServer, first: Behaviour
) -> None:
    primary, backup = start(first), start(answer)
    outcome = asked(primary, backup, timeout=0.2)
    assert (outcome.rcode, outcome.server) == ("NOERROR", backup.address)
    assert len(outcome.failures) == 1
    assert outcome.failures[0].startswith(f"{primary.address}: ")


def test_backup_is_not_asked_while_the_first_answers(start: StartServer) -> None:
    primary, backup = start(answer), start(answer)
    assert asked(primary, backup).server == primary.address
    assert backup.queries == []


def test_nxdomain_is_an_answer(start: StartServer) -> None:
    primary, backup = start(code("NXDOMAIN")), start(answer)
    assert asked(primary, backup).rcode == "NXDOMAIN"
    assert backup.queries == []


def test_next_server_is_asked_where_tcp_breaks(start: StartServer) -> None:
    truncating = start(lambda query: [respond(query, flags=dns.flags.TC).to_wire()], silence)
    backup = start(answer)
    assert asked(truncating, backup).server == backup.address


def test_unreachable_server_costs_no_wait(start: StartServer) -> None:
    backup = start(answer)
    with closed_port() as nobody:
        begin = time.monotonic()
        outcome = ask(NUMBER, [nobody, backup.address], timeout=10, deadline=20)
    assert outcome.server == backup.address
    assert time.monotonic() - begin < 5


def test_silent_server_is_asked_again_until_the_deadline(start: StartServer) -> None:
    seen: list[Message] = []

    def late(query: Message) -> list[bytes]:
        seen.append(query)
        return answer(query) if len(seen) == 3 else []

    assert asked(start(late), timeout=0.2).rcode == "NOERROR"
    assert len(seen) == 3


def test_refusal_outlasts_silence(start: StartServer) -> None:
    refusing, silent = start(code("REFUSED")), start(silence)
    outcome = ask(NUMBER, [refusing.address, silent.address], timeout=0.1, deadline=0.4)
    assert outcome.rcode == "REFUSED"
    assert len(refusing.queries) == 1


def test_silence_of_all_is_a_timeout_at_the_deadline(start: StartServer) -> None:
    servers = [start(silence), start(silence)]
    begin = time.monotonic()
    with pytest.raises(ClientTimeoutError, match=r"no answer within 0\.1 s"):
        ask(NUMBER, [server.address for server in servers], timeout=0.1, deadline=0.5)
    assert 0.4 < time.monotonic() - begin < 2


def test_nobody_reachable_is_a_client_error() -> None:
    with closed_port() as nobody, pytest.raises(ClientError, match="refused") as caught:
        ask(NUMBER, [nobody])
    assert not isinstance(caught.value, TimeoutError)


# ---------- Arguments ----------------------------------------------------------------------------


def test_no_server_is_a_client_error() -> None:
    with pytest.raises(ClientError, match="name at least one"):
        ask(NUMBER, [])


def test_wrong_number_and_apex_are_told_before_anything_is_sent(start: StartServer) -> None:
    server = start(answer)
    with pytest.raises(NumberError):
        ask("+abc", [server.address])
    with pytest.raises(DomainError):
        ask(NUMBER, [server.address], apex="e164..arpa")
    assert server.queries == []


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("192.0.2.1", "192.0.2.1", 53),
        ("192.0.2.1:5300", "192.0.2.1", 5300),
        ("2001:db8::1", "2001:db8::1", 53),
        ("[2001:db8::1]", "2001:db8::1", 53),
        ("[2001:db8::1]:5300", "2001:db8::1", 5300),
        ("enum.example", "enum.example", 53),
    ],
)
def test_server_address_is_read(text: str, host: str, port: int) -> None:
    assert ServerAddress.parse(text) == ServerAddress(host, port)


@pytest.mark.parametrize(
    "text", ["", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "[::1", "a b"]
)
def test_server_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ClientError, match="expected a server such as"):
        ServerAddress.parse(text)
