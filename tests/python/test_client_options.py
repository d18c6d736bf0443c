"""What clients are made with: servers, numbers out of range, the resolvers of the system."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path
from typing import Any

import pytest

import numdip
from client_servers import NUMBER, Loopback, says
from numdip.client import ServerAddress, address


@pytest.mark.parametrize("kind", [numdip.Client, numdip.AsyncClient])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timeout", 0),
        ("timeout", float("nan")),
        ("deadline", 3601),
        ("rate", 0),
        ("rate", float("inf")),
        ("cache", -1),
    ],
)
def test_numbers_out_of_range_are_told_with_their_key(kind: Any, key: str, value: float) -> None:
    with pytest.raises(numdip.ConfigError, match=f"{key}: found") as caught:
        kind(["192.0.2.1"], **{key: value})
    assert [name for name, _ in caught.value.faults] == [key]


def test_in_flight_out_of_range_is_told() -> None:
    with (
        numdip.Client(["192.0.2.1"]) as client,
        pytest.raises(numdip.ConfigError, match="in_flight: found 0"),
    ):
        client.lookup_many([NUMBER], in_flight=0)


@pytest.mark.parametrize("servers", [[], ["a b"], [""]])
def test_servers_that_are_none_are_told(servers: list[str]) -> None:
    with pytest.raises(numdip.ClientError, match="server"):
        numdip.Client(servers)


def test_a_host_without_an_address_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Loopback()
    try:
        with numdip.Client(["no-such-host.invalid", server.address]) as client:
            found = client.lookup(NUMBER)
            assert found is not None
            assert [state.server for state in client.servers] == [server.address]
        with (
            numdip.Client(["no-such-host.invalid"]) as client,
            pytest.raises(numdip.ClientError, match=r"no-such-host\.invalid:53: "),
        ):
            client.lookup(NUMBER)
    finally:
        server.close()


def test_without_servers_the_system_is_asked_whom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text(
        "# nameserver 192.0.2.9\nsearch example\nnameserver 192.0.2.1\nnameserver ::1\n"
    )
    monkeypatch.setattr(address, "_RESOLV_CONF", str(path))
    with numdip.Client() as client:
        assert [str(state.server) for state in client.servers] == ["192.0.2.1:53", "[::1]:53"]
    path.write_text("")
    with pytest.raises(numdip.ClientError, match="name at least one"):
        numdip.Client()
    path.unlink()
    with pytest.raises(numdip.ClientError, match=r"resolv\.conf: No such file"):
        numdip.Client()


def test_numbers_that_are_none_are_told_before_anything_is_asked() -> None:
    server = Loopback()
    try:
        with numdip.Client([server.address]) as client:
            for number, code in (("x", "bad-char"), ("", "bad-char"), (0, "cc-zero")):
                with pytest.raises(numdip.NumberError) as caught:
                    client.lookup(number)
                assert caught.value.code == code
        with (
            numdip.Client([server.address], apex="a..b") as client,
            pytest.raises(numdip.DomainError),
        ):
            client.lookup(NUMBER)
        assert server.queries == []
    finally:
        server.close()


def test_answers_and_errors_survive_pickling() -> None:
    record = r'1 1 "u" "E2U+sip" "!^(.*)$!sip:\\1@h.example;err=1!" .'
    found, refused = Loopback(says("NOERROR", record)), Loopback(says("REFUSED", record))
    try:
        with numdip.Client([found.address]) as client:
            answer = client.lookup(NUMBER)
        with (
            numdip.Client([refused.address]) as client,
            pytest.raises(numdip.ClientRefusedError) as caught,
        ):
            client.lookup(NUMBER)
    finally:
        found.close()
        refused.close()
    assert pickle.loads(pickle.dumps(answer)) == answer
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.rcode) == (str(caught.value), "REFUSED")
    assert copy.answer == caught.value.answer
    assert len(copy.records) == 1


def test_a_client_of_a_running_loop_is_not_for_another() -> None:
    server = Loopback()
    try:
        client = numdip.AsyncClient(server.address)
        first = asyncio.new_event_loop()
        assert first.run_until_complete(client.lookup(NUMBER))
        with pytest.raises(numdip.ClientError, match="another event loop"):
            asyncio.run(client.lookup(NUMBER))
        first.run_until_complete(client.aclose())
        first.close()
    finally:
        server.close()


def test_addresses_are_told_as_they_are_read() -> None:
    for text in ("192.0.2.1:53", "[2001:db8::1]:5300"):
        assert str(ServerAddress.parse(text)) == text
