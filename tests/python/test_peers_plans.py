"""The plans of the benches beside other servers: CSV, zone and expected answers say the same."""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.name
import dns.zone
import pytest

import numdip
from numdip.plan import build

PEERS = Path(__file__).parents[2] / "benches" / "peers"
COUNT, ASKED = 400, 2_000


@pytest.fixture(scope="module")
def plans() -> Iterator[Any]:
    sys.path.insert(0, str(PEERS))
    yield importlib.import_module("plans")
    sys.path.remove(str(PEERS))


@pytest.fixture(scope="module", params=["numbers", "prefixes"])
def plan(
    request: pytest.FixtureRequest, plans: Any, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    patch = pytest.MonkeyPatch()
    patch.setattr(plans, "QUERIES", ASKED)
    made = getattr(plans, request.param)(str(tmp_path_factory.mktemp(request.param)), COUNT)
    patch.undo()
    build(made.sources, made.snapshot)
    return made


def expected(path: str) -> dict[str, str | None]:
    """What a file of queries says of each name: its record's last fields, or nothing."""
    answers: list[str] = []
    found: dict[str, str | None] = {}
    for line in Path(path).read_text().splitlines():
        words = line.split()
        if words[0] == "answer":
            assert len(answers) == int(words[1])
            answers.append(" ".join(words[2:]))
        else:
            assert words[0] not in found, "every name is different"
            found[words[0]] = None if words[1] == "-" else answers[int(words[1])]
    return found


def as_words(rdata: Any) -> str:
    texts = (rdata.flags, rdata.service, rdata.regexp)
    return " ".join([str(rdata.order), str(rdata.preference), *(t.decode() for t in texts)])


def test_numdip_answers_each_query_as_expected(plan: Any) -> None:
    responder = numdip.Responder(numdip.open(plan.snapshot))
    found = expected(plan.queries)
    assert 0.1 == pytest.approx(sum(word is None for word in found.values()) / len(found), abs=0.01)
    for name, words in found.items():
        octets = responder.respond(dns.message.make_query(name, "NAPTR", id=1).to_wire())
        assert octets is not None
        answer = [
            as_words(rdata) for rrset in dns.message.from_wire(octets).answer for rdata in rrset
        ]
        assert answer == ([] if words is None else [words]), name


def test_the_zone_says_the_same(plan: Any) -> None:
    zone = dns.zone.from_file(plan.zone, origin="e164.arpa.", relativize=False)
    for name, words in expected(plan.queries).items():
        # RFC 4592 §3.3.1: the wildcard below the closest encloser, which here no other name hides.
        asked = dns.name.from_text(name)
        names = [asked, *(dns.name.Name((b"*", *asked[at:])) for at in range(1, len(asked) - 2))]
        held = [rdataset for name in names if (rdataset := zone.get_rdataset(name, "NAPTR"))]
        answer = [as_words(rdata) for rdataset in held for rdata in rdataset]
        assert answer == ([] if words is None else [words]), name


def test_a_change_changes_the_probe_alone_and_nobody_asks_for_it(plan: Any, plans: Any) -> None:
    before = Path(plan.zone).read_text().splitlines()
    plans.write_change(plan, ("990", "01"), serial=2)
    after = Path(plan.zone).read_text().splitlines()
    changed = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    assert [" SOA " in changed[0][1], "mcc=990;mnc=01" in changed[1][1]] == [True, True]
    assert len(changed) == 2
    build(plan.sources, plan.snapshot)
    answer = numdip.open(plan.snapshot).lookup(plan.probe)
    assert answer is not None
    assert (answer.mcc, answer.mnc) == ("990", "01")
    assert plans.domain(plan.probe) not in expected(plan.queries)


def test_prefixes_are_not_within_each_other(plans: Any) -> None:
    taken = {"12345", "543210"}
    assert plans.holder("123456", taken) == "12345"
    assert plans.holder("543211", taken) is None
    prefix = plans.free_prefix(random.Random(1), taken)
    assert plans.holder(prefix, taken) is None
