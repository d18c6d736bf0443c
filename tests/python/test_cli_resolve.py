"""``numdip resolve`` over the network, as people and scripts meet it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import Command, Served, WriteFile
from numdip.plan import build

NUMBER = "+441632960083"
OWNER = "3.8.0.0.6.9.2.3.6.1.4.4.e164.arpa."


def resolved(command: Command, *args: str) -> tuple[int, dict[str, Any]]:
    done = command("resolve", *args, "--json")
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def server(write: WriteFile, tmp_path: Path, serve: Callable[..., Served]) -> str:
    build([str(write("44.zone", SERVED))], str(tmp_path / "44.snap"))
    served = serve("--plan", tmp_path / "44.snap", "--listen", "127.0.0.1:0")
    return f"127.0.0.1:{served.port}"


SERVED = r"""
$ORIGIN e164.arpa.
$TTL 60
3.8.0.0.6.9.2.3.6.1.4.4 NAPTR 10 10 "" "" "" enum.example.net.
    NAPTR 20 10 "u" "E2U+pstn:tel" "!^(.*)$!tel:\\1;npdi!" .
4.8.0.0.6.9.2.3.6.1.4.4 NAPTR 10 10 "" "" "" gone.example.
enum.example.net. 30 NAPTR 1 1 "u" "E2U+sip" "!^(.*)$!sip:\\1@x.example!" .
x.example. NAPTR 1 1 "s" "SIP+D2T" "" _sip._tcp.x.example.
_sip._tcp.x.example. SRV 1 1 5070 h.x.example.
h.x.example. A 192.0.2.1
"""


def test_resolve_asks_servers(numdip_command: Command, server: str) -> None:
    code, found = resolved(numdip_command, NUMBER, "--server", server)
    assert (code, found["number"], found["domain"] + ".") == (0, NUMBER, OWNER)
    assert [(one["uri"], one["ttl"]) for one in found["uris"]] == [
        (f"sip:{NUMBER}@x.example", 30),
        (f"tel:{NUMBER};enumdi;npdi", 30),
    ]
    assert [step["step"] for step in found["steps"]] == ["asked", "led-on", "asked", "gave", "gave"]
    assert found["steps"][0]["how"] == [f"{server} udp"]
    assert (found["tel"], found["failures"]) == (f"tel:{NUMBER}", [])
    code, found = resolved(numdip_command, f"tel:{NUMBER};npdi", "-s", server, "--service", "pstn")
    assert (code, found["uris"], found["tel"]) == (1, [], f"tel:{NUMBER};npdi")


def test_resolve_follows_and_prints_servers(numdip_command: Command, server: str) -> None:
    done = numdip_command("resolve", NUMBER, "-s", server, "--service", "sip", "--follow")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert f"1. {OWNER} NAPTR: 2 records, {server} udp" in lines
    assert "h.x.example.: TCP 192.0.2.1 port 5070" in [line.partition(". ")[2] for line in lines]
    assert lines[-2:] == [f"sip:{NUMBER}@x.example  sip", "TCP 192.0.2.1 port 5070"]


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["+441632960085"], 1, ""),
        (["+441632960084"], 2, "gone.example. NAPTR: "),
        (["x"], 2, "'x' is not an ASCII digit"),
        ([NUMBER, "--service", "a b"], 2, "--service"),
        ([NUMBER, "--apex", "a..b"], 2, "not a domain name"),
        ([NUMBER, "--zone", "file"], 2, "--zone"),
    ],
)
def test_resolve_says_why_servers_gave_no_uri(
    numdip_command: Command, server: str, args: list[str], code: int, told: str
) -> None:
    done = numdip_command("resolve", *args, "--server", server)
    assert done.returncode == code
    assert told in done.stderr
    assert bool(done.stderr) == (code == 2)
    assert "Traceback" not in done.stderr


def test_resolve_has_no_answer_of_servers_that_are_not_there(numdip_command: Command) -> None:
    done = numdip_command("resolve", NUMBER, "-s", "127.0.0.1:1", "--timeout", "0.05")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("numdip: 127.0.0.1:1: ")
