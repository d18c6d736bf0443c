"""Runs ``tests/vectors/core.json``, whose cases ``tests/rust/vectors.rs`` runs on the core."""

from __future__ import annotations

import csv
from typing import Any

import dns.message
import dns.rcode
import pytest

import numdip
from numdip._native import Exchange
from numdip.plan import build
from vectors import cases, read

# ---------- Numbers and names --------------------------------------------------------------------


@cases("core", "num2domain", 19)
def test_a_number_becomes_a_domain(case: dict[str, str], expected: dict[str, Any]) -> None:
    if "error" in expected:
        with pytest.raises(numdip.NumberError) as caught:
            numdip.to_domain(case["aus"], apex=case["suffix"])
        assert expected["error"] == caught.value.code
        return
    domain = numdip.to_domain(case["aus"], apex=case["suffix"])
    assert expected["domain"].rstrip(".") == domain.rstrip(".")
    assert case["aus"] == numdip.from_domain(domain, apex=case["suffix"])


@cases("core", "domain2num", 22)
def test_a_domain_becomes_a_number(case: dict[str, str], expected: dict[str, str]) -> None:
    if "error" in expected:
        with pytest.raises(numdip.DomainError) as caught:
            numdip.from_domain(case["name"], apex=case["suffix"])
        assert expected["error"] == caught.value.code
        return
    assert expected["aus"] == numdip.from_domain(case["name"], apex=case["suffix"])


@cases("core", "normalize", 16)
def test_a_text_becomes_a_number(case: dict[str, str], expected: dict[str, str]) -> None:
    if "error" in expected:
        with pytest.raises(numdip.NumberError) as caught:
            numdip.Number(case["text"])
        assert expected["error"] == caught.value.code
        return
    assert expected["aus"] == str(numdip.Number(case["text"]))


# ---------- NAPTR text ---------------------------------------------------------------------------


@cases("core", "presentation", 16)
def test_naptr_text_becomes_octets_and_text_again(
    case: dict[str, str], expected: dict[str, str]
) -> None:
    def line(quoted: str) -> str:
        return f'1 2 "u" "E2U+x" {quoted} .'

    if "error" in expected:
        with pytest.raises(numdip.NaptrError):
            numdip.Naptr.parse(case.get("rdata") or line(case["presentation"]))
        return
    octets = bytes.fromhex(expected["wire_hex"])
    rdata = bytes.fromhex("0001 0002 01 75 05") + b"E2U+x" + bytes([len(octets)]) + octets + b"\0"
    canonical = line(expected["canonical_quoted"])
    for quoted in (case["presentation"], expected["canonical_quoted"], expected["dig_pre_2014_9"]):
        record = numdip.Naptr.parse(line(quoted))
        assert rdata == record.to_wire()
        assert canonical == record.to_text()
        assert record == numdip.Naptr.from_wire(rdata)


# ---------- Messages -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> numdip.Snapshot:
    """The plan that the file's messages are answered from."""
    folder = tmp_path_factory.mktemp("vectors")
    ranges = read("core")["plan"]["ranges"]
    with (folder / "ranges.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, fieldnames=list(ranges[0]))
        rows.writeheader()
        rows.writerows(ranges)
    build([str(folder / "ranges.csv")], str(folder / "vectors.snap"))
    return numdip.open(folder / "vectors.snap")


@cases("core", "dns", 68)
def test_a_request_gets_its_octets(
    plan: numdip.Snapshot, case: dict[str, Any], expected: dict[str, Any]
) -> None:
    # Without an access list loopback addresses alone are permitted.
    source = "127.0.0.1" if case.get("permitted", True) else "192.0.2.1"
    responder = numdip.Responder(plan, **case.get("settings", {}))
    response = responder.respond(
        bytes.fromhex(case["query_hex"]), source, transport=case["transport"]
    )
    assert expected["response_hex"] == (None if response is None else response.hex())
    if response is not None:
        rcode = dns.rcode.to_text(dns.message.from_wire(response).rcode())
        # BADVERS and BADSIG are one number, 16, and the first is meant.
        assert expected["rcode"] == rcode.replace("BADSIG", "BADVERS")


@cases("core", "exchange", 1)
def test_a_response_is_read(case: dict[str, Any], expected: dict[str, Any]) -> None:
    exchange = Exchange(case["aus"], message_id=case["message_id"])
    reply = exchange.read(bytes.fromhex(case["response_hex"]))
    assert reply is not None
    records = [
        [ttl, r.order, r.preference, r.flags, r.services, r.regexp, r.replacement]
        for ttl, r in reply.records
    ]
    found = {
        "rcode": reply.rcode,
        "truncated": reply.truncated,
        "records": records,
        "parameters": reply.parameters,
    }
    assert expected == found
