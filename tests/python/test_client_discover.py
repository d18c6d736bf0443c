"""From domains and SIP URIs to servers over the network: the walks' own cases."""

from __future__ import annotations

from typing import Any

import pytest

import numdip
from client_servers import says
from numdip import Naptr
from numdip.client.resolving import TRANSPORTS
from resolving_servers import (
    DOMAIN,
    NUMBER,
    Resolves,
    addresses,
    asked,
    awaited,
    blocking,
    gives,
    knows,
    loopback,
)
from vectors import cases

FIELDS = ("order", "preference", "flags", "services", "regexp", "replacement")
NAMED = {service: name for name, service in TRANSPORTS.items()}


def data(kind: str, row: Any) -> str:
    """A row of a case as a record's data in text."""
    if kind == "NAPTR":
        return str(Naptr(**dict(zip(FIELDS, row, strict=True))))
    return " ".join(map(str, row)) if kind == "SRV" else str(row)


@pytest.mark.parametrize("call", [blocking, awaited])
@cases("ddds", "walk", 13)
def test_cases_of_walks_hold_over_the_network(
    call: Resolves, case: dict[str, Any], expected: dict[str, Any]
) -> None:
    records = {}
    for key, rows in case["records"].items():
        name, kind = key.split()
        records[f"{name.rstrip('.').lower()} {kind}"] = [data(kind, row) for row in rows]
    questions = [question.replace(". ", " ", 1) for question in expected["asked"]]
    if "sip" in case:
        records[f"{DOMAIN} NAPTR"] = [gives(case["sip"])]
        questions.insert(0, f"{DOMAIN} NAPTR")
    with loopback(knows(records)) as servers:
        where = addresses(servers)
        if "sip" in case:
            transports = [NAMED[service] for service in case["transports"]]
            (one,) = call(NUMBER, servers=where, follow=True, transports=transports)
            hosts, uris = one.servers, ()
        else:
            args = (case["domain"], case["service"], case["protocols"])
            how = {"uris": case.get("uris", False), "method": "discover"}
            found: Any = call(*args, servers=where, **how)
            assert found.failures == ()
            hosts, uris = found.servers, found.uris
        # Each name is asked for once for all; among equal SRV records chance decides.
        assert sorted(dict.fromkeys(questions)) == sorted(asked(servers[0]))
    assert sorted(row[1:] for row in expected["found"] if len(row) == 4) == sorted(
        [server.host, server.port, server.address] for server in hosts
    )
    assert [row[1] for row in expected["found"] if len(row) == 2] == list(uris)


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["x.example", "a b"], numdip.NaptrError),
        (["x.example", "EM", ["a b"]], numdip.NaptrError),
        (["a..b", "EM"], numdip.DomainError),
        (["x.example", "EM"], numdip.ClientRefusedError),
    ],
)
@pytest.mark.parametrize("call", [blocking, awaited])
def test_no_answer_for_a_domain_is_an_error(
    call: Resolves, args: list[Any], error: type[Exception]
) -> None:
    with loopback(says("REFUSED")) as servers, pytest.raises(error):
        call(*args, servers=addresses(servers), method="discover")
