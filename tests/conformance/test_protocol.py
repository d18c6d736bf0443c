"""What the RFCs ask of any server, by section; numdip and NSD both have to pass.

Where profile number-lookup departs from the RFCs on purpose, the test says what each server does.
"""

from __future__ import annotations

import socket
import struct

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from subjects import PATIENCE, Subject, query

NUMBER = "+13392986156"
UNKNOWN = "+999123456789"


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_rfc1035_4_1_1_id_and_question_come_back(subject: Subject, *, tcp: bool) -> None:
    asked = query(NUMBER)
    answer = subject.ask(asked, tcp=tcp)
    assert asked.id == answer.id
    assert asked.question == answer.question
    assert answer.flags & dns.flags.QR
    assert not answer.flags & dns.flags.RA
    assert dns.rcode.NOERROR == answer.rcode()
    assert len(answer.answer) == 1


def test_rfc1035_4_1_1_an_unknown_name_is_nxdomain(subject: Subject) -> None:
    assert dns.rcode.NXDOMAIN == subject.ask(query(UNKNOWN)).rcode()


def test_rfc2181_5_2_a_record_keeps_its_ttl(subject: Subject) -> None:
    assert subject.ask(query(NUMBER)).answer[0].ttl == 3


def test_rfc4343_3_letter_case_comes_back_as_it_was_sent(subject: Subject) -> None:
    asked = dns.message.make_query("6.5.1.6.8.9.2.9.3.3.1.E164.aRPa", dns.rdatatype.NAPTR)
    octets = subject.exchange(asked.to_wire())
    assert b"\x04E164\x04aRPa\x00" in octets
    assert dns.message.from_wire(octets).answer


def test_rfc6891_6_1_1_opt_answers_opt_and_only_opt(subject: Subject) -> None:
    with_opt = subject.ask(query(NUMBER, use_edns=0, payload=4096))
    assert with_opt.edns == 0
    assert with_opt.payload <= 4096
    assert subject.ask(query(NUMBER)).edns == -1


def test_rfc6891_6_1_2_unknown_options_are_ignored(subject: Subject) -> None:
    option = dns.edns.GenericOption(dns.edns.OptionType.make(100), b"numdip")
    answer = subject.ask(query(NUMBER, use_edns=0, options=[option]))
    assert dns.rcode.NOERROR == answer.rcode()
    assert option not in answer.options


def test_rfc6891_6_1_3_a_later_version_is_badvers(subject: Subject) -> None:
    answer = subject.ask(query(NUMBER, use_edns=1))
    assert dns.rcode.BADVERS == answer.rcode()
    assert answer.edns == 0
    assert not answer.answer


@pytest.mark.parametrize(
    ("name", "rtype"),
    [("6.5.1.6.8.9.2.9.3.3.1.e164.arpa", "A"), ("6.5.1.6.8.9.2.9.3.3.1.example", "NAPTR")],
)
def test_rfc8906_3_every_well_formed_query_is_answered(
    subject: Subject, name: str, rtype: str
) -> None:
    # number-lookup says SERVFAIL to whatever is not its form; NSD says NODATA and REFUSED.
    answer = subject.ask(dns.message.make_query(name, rtype))
    assert not answer.answer
    assert (answer.rcode() == dns.rcode.SERVFAIL) is (subject.name == "numdip")


def test_rfc9619_4_two_questions_are_an_error(subject: Subject) -> None:
    asked = query(NUMBER)
    asked.question *= 2
    octets = subject.exchange(asked.to_wire())
    expected = dns.rcode.SERVFAIL if subject.name == "numdip" else dns.rcode.FORMERR
    assert expected == octets[3] & 0xF


def test_rfc7766_6_2_1_1_pipelined_queries_are_all_answered(subject: Subject) -> None:
    asked = [query(NUMBER) for _ in range(5)]
    octets = b"".join(struct.pack("!H", len(q.to_wire())) + q.to_wire() for q in asked)
    with socket.create_connection(("127.0.0.1", subject.port), PATIENCE) as client:
        client.sendall(octets)
        answers = [receive(client) for _ in asked]
    assert {q.id for q in asked} == {answer.id for answer in answers}
    assert all(answer.answer for answer in answers)


def test_rfc7766_8_a_query_may_come_octet_by_octet(subject: Subject) -> None:
    octets = query(NUMBER).to_wire()
    with socket.create_connection(("127.0.0.1", subject.port), PATIENCE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in struct.pack("!H", len(octets)) + octets:
            client.sendall(bytes([octet]))
        assert receive(client).answer


def receive(client: socket.socket) -> dns.message.Message:
    def exactly(count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            more = client.recv(count - len(octets))
            assert more, "the connection was closed"
            octets += more
        return octets

    return dns.message.from_wire(exactly(*struct.unpack("!H", exactly(2))))
