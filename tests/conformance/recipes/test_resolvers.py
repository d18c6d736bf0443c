"""What stands between a client and numdip: resolvers that forward the ENUM tree, and dnsdist.

Each recipe is served as it stands, in a namespace with two numdips, and has to give what a numdip
itself gives: while both are well, when one dies, when both do, and when they are back.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from namespace import Answer, Namespace, Numdip, ask, ask_all, build, program

HERE = Path(__file__).parent
SOFTSWITCH = HERE.parent / "softswitch"
FRONT = "127.0.0.1"
DIRECT = "-p5300"
RECEPTION = "+441632960000"
PORTED = "+447700900123"
MANY = "+441632960055"
UNKNOWN = "+447800900123"
#: The root's key of 2017, by which a resolver finds out that e164.arpa should be signed.
ROOT_KEY = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"


def unbound(folder: Path) -> list[str | Path]:
    """Unbound with the recipe beside what a distribution configures: the root's key."""
    whole = folder / "whole.conf"
    whole.write_text(
        f"""
server:
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  trust-anchor: "{ROOT_KEY}"
include: "{HERE}/unbound.conf"
"""
    )
    return [program("unbound"), "-d", "-p", "-c", whole]


def named(folder: Path) -> list[str | Path]:
    """BIND with the recipe, writing into a folder of the test's."""
    whole = folder / "named.conf"
    text = (HERE / "named.conf").read_text()
    usual = 'directory "/var/cache/bind";'
    assert usual in text
    own = f'directory "{folder}"; pid-file none; session-keyfile none;'
    whole.write_text(text.replace(usual, own) + "controls { };\n")
    return [program("named"), "-g", "-c", whole]


def dnsdist(folder: Path) -> list[str | Path]:
    """dnsdist with the recipe."""
    return [program("dnsdist"), "--supervised", "--disable-syslog", "-C", HERE / "dnsdist.conf"]


FRONTS: dict[str, Callable[[Path], list[str | Path]]] = {
    "unbound": unbound,
    "named": named,
    "dnsdist": dnsdist,
}


class Fronted:
    """Two numdips at 127.0.0.1 and 127.0.0.2, port 5300, and what stands in front of them."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.there = Namespace(folder, nameservers=(FRONT,))
        try:
            self._start(folder)
        except BaseException:
            self.there.end()
            raise

    def _start(self, folder: Path) -> None:
        plan = build(folder, *(SOFTSWITCH / f"{n}.csv" for n in ("ranges", "ported", "records")))
        self.servers = []
        for n in (1, 2):
            config = folder / f"numdip-{n}.toml"
            # Their answers differ in the TTL, which tells which of them gave one.
            config.write_text(f"[answer]\nttl = {ttl(n)}\n")
            options = ["--config", str(config), "--plan", str(plan)]
            server = Numdip(self.there, f"numdip-{n}", f"127.0.0.{n}:5300", *options)
            self.servers.append(server)
        self.there.start(self.name, FRONTS[self.name](folder))
        self.there.wait_for(f"{self.name} answers", self.answers, self.name)

    def answers(self) -> bool:
        return ask(self.there, RECEPTION, FRONT, "+time=1").status == "NOERROR"

    def lookup(self, number: str, *options: str) -> Answer:
        return ask(self.there, number, FRONT, *options)

    def revive(self) -> None:
        for server in self.servers:
            server.start()
        self.there.wait_for(f"{self.name} answers again", self.answers, self.name)


def ttl(n: int) -> int:
    """How long answers of a server hold; they may be cached for that long."""
    return n


@pytest.fixture(scope="module", params=FRONTS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fronted]:
    fronted = Fronted(request.param, tmp_path_factory.mktemp(request.param))
    yield fronted
    fronted.there.end()


@pytest.fixture
def fronted(running: Fronted) -> Iterator[Fronted]:
    running.revive()
    yield running
    running.revive()


def numbers(count: int, seed: int) -> list[str]:
    """Numbers in the plan's ranges and beside them, of its length and of others."""
    rng = random.Random(seed)
    starts = ["+441632960", "+447700900", "+44770", "+4478", "+99"]
    return [
        start + "".join(rng.choices("0123456789", k=12 - len(start) + rng.choice([0, 1, 1, 1])))
        for start in rng.choices(starts, k=count)
    ]


def same(answer: Answer) -> tuple[str, list[str]]:
    """What two ways of asking have in common: a cache counts the TTL down and may sort records."""
    return answer.status, sorted(answer.regexps)


def test_there_is_no_way_out(fronted: Fronted) -> None:
    assert fronted.there.interfaces() == {"lo"}


@pytest.mark.parametrize("options", [(), ("+tcp",), ("+dnssec",)], ids=["udp", "tcp", "do"])
def test_every_answer_comes_through_as_it_is(fronted: Fronted, options: tuple[str, ...]) -> None:
    asked = [RECEPTION, PORTED, UNKNOWN, MANY, *numbers(60, seed=len(options))]
    ours = [same(answer) for answer in ask_all(fronted.there, asked, FRONT, *options)]
    theirs = [same(answer) for answer in ask_all(fronted.there, asked, FRONT, DIRECT)]
    assert theirs == ours
    assert {status for status, _ in theirs} == {"NOERROR", "NXDOMAIN"}


def test_a_number_that_is_not_found_hides_no_longer_one(fronted: Fronted) -> None:
    """Profile number-lookup says NXDOMAIN for part of a number: that is not to hide the number."""
    assert fronted.lookup(RECEPTION[:-1]).status == "NXDOMAIN"
    assert fronted.lookup(RECEPTION).status == "NOERROR"


@pytest.mark.parametrize("dead", [0, 1], ids=["first", "second"])
def test_a_dead_server_is_not_missed(fronted: Fronted, dead: int) -> None:
    fronted.servers[dead].die()
    asked = numbers(20, seed=10 + dead)
    # A client asks again after a second, as the C library does when it is told to.
    patient = ("+tries=3", "+time=2")
    ours = [same(answer) for answer in ask_all(fronted.there, asked, FRONT, *patient)]
    living = fronted.servers[1 - dead].address
    theirs = [same(answer) for answer in ask_all(fronted.there, asked, living, DIRECT)]
    assert theirs == ours


def test_without_any_server_nothing_is_made_up_and_then_all_is_well_again(
    fronted: Fronted,
) -> None:
    for server in fronted.servers:
        server.die()
    fresh = numbers(3, seed=20)
    said = [fronted.lookup(number, "+time=2").status for number in fresh]
    assert set(said) <= {"SERVFAIL", "no answer"}
    # dnsdist loses one or two before it takes note; Unbound tries on for longer than clients wait.
    if fronted.name != "unbound":
        assert said[-1] == "SERVFAIL"
    for server in fronted.servers:
        server.start()
    start = time.monotonic()
    fronted.there.wait_for(f"{fronted.name} answers again", fronted.answers, fronted.name)
    assert time.monotonic() - start < 10


def test_dnsdist_asks_the_first_while_it_is_well(tmp_path: Path) -> None:
    fronted = Fronted("dnsdist", tmp_path)
    try:
        first = fronted.servers[0]
        assert fronted.lookup(PORTED).ttl == ttl(1)
        first.die()
        fronted.there.wait_for(
            "the second is asked", lambda: fronted.lookup(PORTED, "+time=1").ttl == ttl(2)
        )
        first.start()
        fronted.there.wait_for(
            "the first is asked again", lambda: fronted.lookup(PORTED, "+time=1").ttl == ttl(1)
        )
        # One that serves another plan is not well either.
        first.die()
        other = build(tmp_path / "other", SOFTSWITCH / "ported.csv")
        Numdip(fronted.there, "wrong", "127.0.0.1:5300", "--plan", str(other))
        time.sleep(3)
        assert {fronted.lookup(PORTED).ttl for _ in range(10)} == {ttl(2)}
    finally:
        fronted.there.end()
