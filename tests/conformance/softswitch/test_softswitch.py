"""A softswitch asks numdip where calls go: Kamailio's enum module, with SIPp at both ends.

The configuration is the recipe's, word for word; a namespace gives it the addresses that it names.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from calls import Outcome, Softswitch
from namespace import Answer, ask

#: Called by a record of its own, by a record of its prefix, by two records in turn.
RECEPTION, DESK, BACKED_UP = "+441632960000", "+441632960081", "+441632960050"
#: Has nine records, more than fit into a UDP datagram of 1,232 octets.
MANY = "+441632960055"
#: With a global routing number, with a local one, and not ported.
PORTED, PORTED_LOCALLY, HELD = "+447700900123", "+447700900124", "+447700900125"
UNKNOWN = "+447800900123"
#: Seconds that a call takes while all is well: SIPp's start and end, on a busy machine.
USUAL = 5.0
#: What a server may cost that says nothing: ``dns_retr_time`` of kamailio.cfg.
LOST = 1.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Softswitch]:
    softswitch = Softswitch(tmp_path_factory.mktemp("softswitch"))
    yield softswitch
    softswitch.there.end()


@pytest.fixture
def softswitch(running: Softswitch) -> Iterator[Softswitch]:
    """With both servers well, whatever the test before did to them."""
    running.revive()
    yield running
    running.revive()


def test_there_is_no_way_out(softswitch: Softswitch) -> None:
    assert softswitch.there.interfaces() == {"lo"}


def test_a_call_goes_where_the_number_s_record_says(softswitch: Softswitch) -> None:
    expected = Outcome(200, {"first": ["sip:reception@127.0.0.11"]})
    assert softswitch.call(RECEPTION) == expected


def test_a_record_of_a_prefix_takes_part_of_the_number(softswitch: Softswitch) -> None:
    expected = Outcome(200, {"second": ["sip:01632960081@127.0.0.12:5060"]})
    assert softswitch.call(DESK) == expected


@pytest.mark.parametrize(
    ("number", "parameters"),
    [
        (PORTED, ";npdi;rn=+447700999001"),
        (PORTED_LOCALLY, ";npdi;rn=7700999002;rn-context=+44"),
        (HELD, ";npdi"),
    ],
    ids=["global-rn", "local-rn", "not-ported"],
)
def test_rfc4694_5_2_1_a_dipped_number_goes_to_the_gateway_with_npdi_and_rn(
    softswitch: Softswitch, number: str, parameters: str
) -> None:
    uri = f"sip:{number}{parameters}@127.0.0.13:5060;user=phone"
    assert softswitch.call(number) == Outcome(200, {"gateway": [uri]})


def test_rfc4694_5_1_a_dipped_number_is_not_dipped_again(softswitch: Softswitch) -> None:
    """Nobody is there to be asked, and nobody needs to be."""
    for server in softswitch.servers:
        server.die()
    dipped = f"{UNKNOWN};npdi;rn=+447700999001"
    expected = Outcome(200, {"gateway": [f"sip:{dipped}@127.0.0.13:5060;user=phone"]})
    assert softswitch.call(dipped) == expected


@pytest.mark.parametrize("number", [UNKNOWN, RECEPTION[:-1]], ids=["no-range", "too-short"])
def test_a_number_that_is_not_found_is_refused(softswitch: Softswitch, number: str) -> None:
    assert softswitch.call(number) == Outcome(404)


@pytest.mark.parametrize("user", ["reception", "01632960081", "+4416329600811234567"])
def test_what_is_no_number_is_not_asked_for(softswitch: Softswitch, user: str) -> None:
    assert softswitch.call(user) == Outcome(484)


def test_the_second_record_is_tried_where_the_first_leads_nowhere(softswitch: Softswitch) -> None:
    expected = Outcome(200, {"first": [f"sip:{BACKED_UP}@127.0.0.11"]})
    assert softswitch.call(BACKED_UP) == expected


def test_rfc1035_4_2_1_records_that_do_not_fit_are_fetched_by_tcp(softswitch: Softswitch) -> None:
    """The best of them, which stands last in the file, is the one that is called."""
    assert ask(softswitch.there, MANY, "127.0.0.1", "+ignore") == Answer("NOERROR")
    outcome = softswitch.call(MANY)
    assert outcome.status == 200
    assert [uri.partition(".")[0] for uri in outcome.arrived["second"]] == ["sip:desk-1"]


def test_a_dead_server_is_passed_over_at_once(softswitch: Softswitch) -> None:
    softswitch.servers[0].die()
    outcome = softswitch.call(RECEPTION)
    assert outcome.status == 200
    assert outcome.seconds < USUAL


def test_the_call_in_hand_when_a_server_dies_goes_through(softswitch: Softswitch) -> None:
    """It has the question and dies before it answers; the other server is asked in its place."""
    first = softswitch.servers[0]
    first.hang()
    call = softswitch.dial(RECEPTION)
    softswitch.there.wait_for("the first server is asked", first.waiting)
    first.die()
    outcome = call.outcome()
    assert outcome == Outcome(200, {"first": ["sip:reception@127.0.0.11"]})
    assert LOST < outcome.seconds < USUAL + LOST


def test_without_any_server_a_call_is_refused_at_once(softswitch: Softswitch) -> None:
    for server in softswitch.servers:
        server.die()
    outcome = softswitch.call(RECEPTION)
    assert outcome == Outcome(503)
    assert outcome.seconds < USUAL
    softswitch.revive()
    assert softswitch.call(RECEPTION).status == 200


def test_servers_that_say_nothing_cost_a_bounded_time(softswitch: Softswitch) -> None:
    for server in softswitch.servers:
        server.hang()
    outcome = softswitch.call(RECEPTION)
    assert outcome == Outcome(503)
    # Two servers are asked twice: for the number, and for one that is certain to be there.
    assert 4 * LOST < outcome.seconds < USUAL + 4 * LOST
