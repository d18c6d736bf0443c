"""Walks and tel URIs: cases of ``tests/vectors/ddds.json``, which the Rust tests run as well."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import dns.rdata
import pytest
from hypothesis import given
from hypothesis import strategies as st

import numdip
from numdip import Naptr, TelUri, UriError
from numdip._native import Walk
from vectors import cases

FIELDS = ("order", "preference", "flags", "services", "regexp", "replacement")


def naptrs(rows: list[list[Any]]) -> list[Naptr]:
    return [Naptr(**dict(zip(FIELDS, row, strict=True))) for row in rows]


# ---------- Walks --------------------------------------------------------------------------------


def outcome(
    walk: Walk, sets: dict[str, Any], *, strict: bool = False
) -> tuple[list[str], list[dict[str, Any]]]:
    """What a walk asks for and finds; *strict*: each URI is accepted (RFC 3403 §4.1)."""
    asked, found = [], []
    while (move := walk.step()) is not None:
        if "ask" not in move:
            found.append(move)
            if strict:
                walk.accept()
            continue
        question = f"{move['ask']} {move['type']}"
        asked.append(question)
        rows = sets.get(question, [])
        walk.answer(
            naptrs(rows)
            if move["type"] == "NAPTR"
            else [tuple(row) if isinstance(row, list) else row for row in rows]
        )
    return asked, found


@cases("ddds", "walk", 13)
def test_services_and_sip_uris_lead_to_their_servers(
    case: dict[str, Any], expected: dict[str, Any]
) -> None:
    if "sip" in case:
        walk = Walk.of_sip(case["sip"], case["transports"], seed=1)
    else:
        walk = Walk.of_service(
            case["domain"],
            case["service"],
            case["protocols"],
            uris=case.get("uris", False),
            seed=1,
        )
    asked, found = outcome(walk, case["records"])
    assert expected["asked"] == asked
    assert expected["found"] == [
        [" ".join(one["services"]), one["uri"]]
        if "uri" in one
        else [" ".join(one["protocols"]), one["host"], one["port"], one["address"]]
        for one in found
    ]
    codes = [step["code"] for step in walk.steps if step["step"] == "passed-over"]
    assert expected.get("passed_over", codes) == codes


@cases("ddds", "selection", 21)
def test_numbers_lead_to_their_uris(case: dict[str, Any], expected: dict[str, Any]) -> None:
    services = None if case["enumservices"] == ["*"] else case["enumservices"]
    sets = {f"{name} NAPTR": rows for name, rows in case["rrsets"].items()}

    def walked(*, strict: bool) -> tuple[list[str], list[dict[str, Any]]]:
        walk = Walk.of_number(case["aus"], numdip.to_domain(case["aus"]), services=services)
        return outcome(walk, sets, strict=strict)

    (asked, found), (_, bound) = walked(strict=False), walked(strict=True)
    assert expected == {
        name: value
        for name, value in {
            "single": found[0]["uri"] if found else None,
            "lenient_fallback": found[1]["uri"] if len(found) > 1 else None,
            "strict_fallback": bound[1]["uri"] if len(bound) > 1 else None,
            "ordered_uris": [one["uri"] for one in found],
            "ordered": [[" ".join(one["services"]), one["uri"]] for one in found],
            "dns_queries": len(asked),
        }.items()
        if name in expected
    }


def test_an_accepted_uri_binds_its_set_to_its_order() -> None:
    rows = [[order, 1, "u", "E2U+sip", f"!^.*$!sip:{order}@x.example!", "."] for order in (1, 1, 2)]
    walk = Walk.of_number("+44", "4.4.e164.arpa")
    walk.step()
    walk.answer(naptrs(rows))
    walk.step()
    walk.accept()
    assert (walk.step() or {})["uri"] == "sip:1@x.example"
    assert walk.step() is None
    assert walk.steps[-1]["code"] == "other-order"


def test_steps_are_data_and_tell_what_groups_took() -> None:
    rows = [
        [1, 1, "u", "E2U+sip", "!^(\\+44)(x)?(.*)$!sip:\\3@gw.example!i", "."],
        [2, 1, "u", "E2U+sip", "!^\\+33!sip:no@x.example!", "."],
        [3, 1, "", "", "", "next.example."],
    ]
    walk = Walk.of_number("+441632960083", "4.4.e164.arpa")
    outcome(walk, {"4.4.e164.arpa. NAPTR": rows})
    steps = json.loads(json.dumps(walk.steps))
    assert [step["step"] for step in steps] == ["asked", "gave", "passed-over", "led-on", "asked"]
    assert steps[1]["rule"] == {
        "delimiter": "!",
        "expression": "^(\\+44)(x)?(.*)$",
        "replacement": "sip:\\3@gw.example",
        "ignore_case": True,
        "groups": ["+441632960083", "+44", None, "1632960083"],
        "output": "sip:1632960083@gw.example",
        "code": None,
        "reason": None,
    }
    assert steps[2]["code"] == steps[2]["rule"]["code"] == "no-match"
    assert (steps[3]["name"], steps[4]["records"]) == ("next.example.", 0)


@pytest.mark.parametrize(
    ("records", "error"),
    [
        ([(1, 2, 3, "a.example")], TypeError),
        (["192.0.2.1"], TypeError),
    ],
)
def test_records_of_another_type_are_refused(records: Any, error: type[Exception]) -> None:
    walk = Walk.of_number("+44", "4.4.e164.arpa")
    walk.step()
    with pytest.raises(error):
        walk.answer(records)


def test_what_cannot_be_walked_is_refused() -> None:
    for uri in ("tel:+44", "sip:", "sip:a@b:x", "sips:a@b;transport=udp", "sip:a@[x]"):
        with pytest.raises(UriError):
            Walk.of_sip(uri, ["SIP+D2T"], seed=0)
    with pytest.raises(ValueError, match="services"):
        Walk.of_sip("sip:a@b", ["TCP"], seed=0)
    with pytest.raises(ValueError, match="services"):
        Walk.of_service("a.example", "a b", seed=0)


# ---------- Rules told ---------------------------------------------------------------------------


@given(
    st.from_regex(r"!\^?\(?[+.*0-9]{0,5}\)?\$?!(sip:)?(\\[0-2])?[a-z@]{0,5}!i?", fullmatch=True),
    st.from_regex(r"\+[0-9]{1,15}", fullmatch=True),
)
def test_what_a_rule_is_told_to_do_it_does(regexp: str, aus: str) -> None:
    record = Naptr(order=1, preference=1, flags="u", services="E2U+sip", regexp=regexp)
    try:
        told = record.explain(aus)
    except numdip.RuleError:
        with pytest.raises(numdip.RuleError):
            record.apply(aus)
        return
    if told["code"] in (None, "no-match", "empty-output"):
        assert told["output"] == record.apply(aus)
    groups = record.groups(aus)
    taken = None
    if groups is not None:
        taken = [None if span is None else aus[slice(*span)] for span in groups]
    assert told["groups"] == taken


# ---------- tel URIs -----------------------------------------------------------------------------


@cases("ddds", "tel-uri", 14)
def test_tel_uris_are_read(case: dict[str, str], expected: dict[str, Any]) -> None:
    text = case["uri"]
    read = TelUri.from_sip if text.startswith("sip") else TelUri
    if "error" in expected:
        with pytest.raises(UriError) as caught:
            read(text)
        assert expected["error"] == caught.value.code
        return
    uri = read(text)
    same = {"equal_to", "tel"} & set(expected)
    for name in same:
        assert (TelUri(expected[name]), hash(TelUri(expected[name]))) == (uri, hash(uri))
    found = {
        "number": uri.number,
        "local": not uri.is_global,
        "usable": uri.is_usable,
        "trunk_group": uri.trunk_group and [*uri.trunk_group],
        "parameters": uri.parameters,
    }
    assert {name: value for name, value in expected.items() if name not in same} == {
        name: value for name, value in found.items() if name in expected
    }


@given(
    st.from_regex(r"\+[0-9]{1,3}[-.(]?[0-9]{1,9}\)?", fullmatch=True),
    st.lists(
        st.sampled_from(["npdi", "enumdi", "rn=+44-D1", "cic=+1.6789", "ext=12", "X-a=%4A;b=c"]),
        unique=True,
    ),
)
def test_a_tel_uri_reads_back(number: str, parameters: list[str]) -> None:
    uri = TelUri(";".join([f"tel:{number}", *parameters]))
    assert uri.number == "+" + "".join(c for c in number if c.isdigit())
    for again in (
        TelUri(str(uri)),
        TelUri(str(uri).upper()),
        TelUri(";".join([f"tel:{number}", *reversed(parameters)])),
        TelUri.from_sip(uri.to_sip("gw.example")),
        pickle.loads(pickle.dumps(uri)),
        copy.deepcopy(uri),
        eval(repr(uri)),
    ):
        assert (uri, hash(uri)) == (again, hash(again))
    assert str(TelUri(str(uri))) == str(uri)


def test_errors_of_uris_keep_their_code_when_pickled() -> None:
    with pytest.raises(UriError) as caught:
        TelUri("tel:+1 201")
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.code, str(error)) == ("number", str(caught.value))


def test_dnspython_writes_what_is_read() -> None:
    record = Naptr.parse('100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .')
    rdata = dns.rdata.from_wire("IN", "NAPTR", record.to_wire(), 0, len(record.to_wire()))
    assert rdata.to_text() == record.to_text()
