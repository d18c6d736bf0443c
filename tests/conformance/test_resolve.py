"""Numbers are resolved over the network, from numdip, NSD and Knot, with one zone behind all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import numdip as numdip_package
from selection_zone import APEX, selections, zone
from subjects import Knot, Nsd, Numdip, Subject, numdip
from vectors import read

#: A walk to servers by SIP's records, and from number to number; in the zone of the cases.
MORE = r"""
1.4.4 NAPTR 1 1 "u" "E2U+sip" "!^.*$!sip:u@sip.e164.arpa!" .
2.4.4 NAPTR 1 1 "u" "E2U+voice:tel" "!^.*$!tel:+441!" .
sip NAPTR 1 1 "s" "SIP+D2T" "" _sip._tcp.sip
_sip._tcp.sip SRV 1 1 5070 host
_sip._tcp.sip SRV 2 1 5071 other
host A 192.0.2.1
host AAAA 2001:db8::1
other A 192.0.2.2
"""


SERVICES = [case for case in read("ddds")["cases"] if case["category"] == "service"]


def services_zone() -> str:
    """A number for each case of services, whose record has them."""
    lines = []
    for place, case in enumerate(SERVICES):
        owner = ".".join(reversed(f"9{place:03}"))
        services = case["input"]["services"]
        record = numdip_package.Naptr(order=1, preference=1, flags="u", services=services)
        lines.append(f"{owner} NAPTR {record}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module", params=["numdip", "nsd", "knot"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Subject]:
    """Each of the servers in turn, with the zone."""
    folder = tmp_path_factory.mktemp(request.param)
    text = zone() + MORE + services_zone()
    (folder / "e164.zone").write_text(text)
    running: Subject
    if request.param == "nsd":
        running = Nsd(folder, text)
    elif request.param == "knot":
        running = Knot(folder, text)
    else:
        numdip("plan", "build", folder / "e164.zone", "-o", folder / "e164.snap")
        running = Numdip(folder, folder / "e164.snap")
    yield running
    running.stop()


def client(server: Subject, **options: Any) -> numdip_package.Client:
    return numdip_package.Client(f"127.0.0.1:{server.port}", timeout=5, deadline=10, **options)


@pytest.mark.parametrize(
    ("apex", "case", "expected"), [pytest.param(*rest, id=name) for name, *rest in selections()]
)
def test_a_number_resolves_to_the_uris_of_its_case(
    served: Subject, apex: str, case: dict[str, Any], expected: dict[str, Any]
) -> None:
    wanted = None if case["enumservices"] == ["*"] else case["enumservices"]
    with client(served, apex=apex) as asking:
        found = asking.resolve(case["aus"], wanted)
    outputs = [one.output for one in found]
    assert expected.get("ordered_uris", outputs) == outputs
    assert expected.get("single", outputs[0]) == outputs[0]
    told = [[" ".join(one.services), one.output] for one in found]
    assert expected.get("ordered", told) == told
    asked = sum(step["step"] == "asked" for step in found.steps)
    assert expected.get("dns_queries", asked) == asked


@pytest.mark.parametrize("number", ["+441", "+442"])
def test_a_sip_uri_leads_to_its_servers(served: Subject, number: str) -> None:
    with client(served, apex=APEX) as asking:
        found = asking.resolve(number, "sip", follow=True)
    assert [(one.uri, one.number) for one in found] == [("sip:u@sip.e164.arpa", "+441")]
    assert [(one.host, one.port, one.address) for one in found[0].servers] == [
        ("host.e164.arpa.", 5070, "2001:db8::1"),
        ("host.e164.arpa.", 5070, "192.0.2.1"),
        ("other.e164.arpa.", 5071, "192.0.2.2"),
    ]
    assert found.failures == ()


@pytest.mark.parametrize(
    ("place", "case"), [pytest.param(*each, id=each[1]["id"]) for each in enumerate(SERVICES)]
)
def test_services_are_read_as_they_were_published(
    served: Subject, place: int, case: dict[str, Any]
) -> None:
    with client(served, apex=APEX) as asking:
        reply = asking.ask(f"+9{place:03}").reply
    ((ttl, record),) = reply.records
    given, expected = case["input"], case["expect"]
    assert (ttl, record.services) == (60, given["services"])
    if "error" in expected:
        with pytest.raises(numdip_package.NaptrError, match="services"):
            record.read_services(given["application"])
    else:
        assert record.read_services(given["application"]) == expected
