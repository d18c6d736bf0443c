"""The server as a process: its answers on the wire, its signals and refusals to start.

``test_server_reloads.py`` has its reloads.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

import numdip
from conftest import (
    EXAMPLE_ANSWER,
    EXAMPLE_QUERY,
    PATIENCE,
    Command,
    Served,
    ServerEndedError,
)
from server_questions import ACL, EXAMPLE, ask, mnc_served, query, rcode_of, udp_client

Serve = Callable[..., Served]
LOOPBACKS = ["127.0.0.1", "::1"]


# ---------- Answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("host", LOOPBACKS)
def test_example_is_answered_octet_for_octet_by_udp(served: Served, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        # Connected: what comes from another address or port than was asked is not received.
        client.connect((host, dict(served.addresses)[host]))
        client.send(EXAMPLE_QUERY)
        assert client.recv(4096) == EXAMPLE_ANSWER


@pytest.mark.parametrize("host", LOOPBACKS)
def test_example_is_answered_octet_for_octet_by_tcp(served: Served, host: str) -> None:
    address = (host, dict(served.addresses)[host])
    with socket.create_connection(address, timeout=PATIENCE) as client:
        for _ in range(3):  # a connection serves several queries (RFC 7766 §6.2.1)
            client.sendall(struct.pack("!H", len(EXAMPLE_QUERY)) + EXAMPLE_QUERY)
            octets = b""
            while len(octets) < 2 + len(EXAMPLE_ANSWER):
                more = client.recv(4096)
                assert more
                octets += more
            assert octets == struct.pack("!H", 113) + EXAMPLE_ANSWER


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("host", LOOPBACKS)
def test_header_is_qr_and_nothing_else(served: Served, host: str, tcp: bool) -> None:
    response = ask(served, query(EXAMPLE), host=host, tcp=tcp)
    assert dns.flags.to_text(response.flags) == "QR"
    assert (len(response.answer), response.authority, response.additional) == (1, [], [])


def test_dig_reads_the_answer(served: Served, dig: Callable[..., str]) -> None:
    name = numdip.to_domain(EXAMPLE)
    shown = dig("@127.0.0.1", "-p", str(served.port), "+noedns", name, "NAPTR")
    assert "status: NOERROR" in shown
    assert ";; flags: qr; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 0" in shown
    [line] = [line for line in shown.splitlines() if line.startswith(f"{name}.")]
    assert line.split(maxsplit=4)[1:] == [
        *("3", "IN", "NAPTR"),
        r'10 50 "u" "E2U+pstn:tel" "!^(.*)$!tel:\\1;mcc=310;mnc=012!" .',
    ]


def test_dig_reads_the_answer_by_tcp_and_ipv6(served: Served, dig: Callable[..., str]) -> None:
    port = str(dict(served.addresses)["::1"])
    shown = dig("@::1", "-p", port, "+tcp", "+short", numdip.to_domain(EXAMPLE), "NAPTR")
    assert shown == '10 50 "u" "E2U+pstn:tel" "!^(.*)$!tel:\\\\1;mcc=310;mnc=012!" .\n'


RECORDS = r"""
[answer]
ttl = 60
[[answer.record]]
preference = 30
services = "E2U+sip"
regexp = '!^.*$!sip:{number}@gw.example;op={operator}!'
[[answer.record]]
preference = 20
services = "E2U+pstn:tel"
regexp = '!^(.*)$!tel:\1;npdi;rn={rn}!'
[[answer.record]]
preference = 10
services = "E2U+sip"
regexp = '!^(.*)$!sip:\1@ims.mnc{mnc3}.mcc{mcc}.3gppnetwork.org;user=phone!'
"""


@pytest.mark.parametrize(
    ("number", "ims", "tel", "operator"),
    [
        (EXAMPLE, "mnc012.mcc310", "npdi;rn=+12015550199", "Verizon%20Wireless"),
        ("+447786852522", "mnc015.mcc234", "npdi", "Vodafone"),  # not ported
    ],
)
def test_dig_reads_an_answer_of_three_records(
    serve: Serve,
    config: Callable[[str], Path],
    snapshot: Path,
    build_snapshot: Callable[..., Path],
    dig: Callable[..., str],
    number: str,
    ims: str,
    tel: str,
    operator: str,
) -> None:
    moved = "13392986156,310,012,Verizon Wireless,+12015550199"
    build_snapshot(snapshot, ported=f"number,mcc,mnc,operator,rn\n{moved}\n")
    served = serve("--config", config(RECORDS))
    name = numdip.to_domain(number)
    shown = dig("@127.0.0.1", "-p", str(served.port), "+noedns", name, "NAPTR")
    assert ";; flags: qr; QUERY: 1, ANSWER: 3, AUTHORITY: 0, ADDITIONAL: 0" in shown
    lines = [line.split(maxsplit=4)[1:] for line in shown.splitlines() if line.startswith(name)]
    assert lines == [
        ["60", "IN", "NAPTR", record]
        for record in (
            rf'10 10 "u" "E2U+sip" "!^(.*)$!sip:\\1@ims.{ims}.3gppnetwork.org;user=phone!" .',
            rf'10 20 "u" "E2U+pstn:tel" "!^(.*)$!tel:\\1;{tel}!" .',
            rf'10 30 "u" "E2U+sip" "!^.*$!sip:{number}@gw.example;op={operator}!" .',
        )
    ]


def test_answer_too_large_for_udp_comes_by_tcp(serve: Serve, config: Callable[[str], Path]) -> None:
    record = """
        [[answer.record]]
        preference = {0}
        regexp = '!^.*$!tel:{{number}};n={0}!'
    """
    served = serve("--config", config("".join(record.format(place) for place in range(64))))
    cut = ask(served, query(EXAMPLE))
    assert (dns.flags.to_text(cut.flags), cut.answer) == ("QR TC", [])
    [answer] = ask(served, query(EXAMPLE), tcp=True).answer
    assert {bytes(record.regexp).decode() for record in answer} == {
        f"!^.*$!tel:{EXAMPLE};n={place}!" for place in range(64)
    }


def test_letter_case_of_the_question_is_echoed(served: Served) -> None:
    name = numdip.to_domain(EXAMPLE).replace("e164.arpa", "E164.aRpA")
    response = ask(served, query(name))
    assert str(response.question[0].name) == str(response.answer[0].name) == f"{name}."


def test_opt_in_the_query_gives_opt_in_the_response(served: Served) -> None:
    message = dns.message.make_query(numdip.to_domain(EXAMPLE), "NAPTR", use_edns=0, payload=4096)
    response = ask(served, message)
    assert (response.edns, rcode_of(response)) == (0, "NOERROR")
    assert ask(served, query(EXAMPLE)).edns == -1


def test_edns_version_that_is_not_known_gives_badvers(served: Served) -> None:
    message = dns.message.make_query(numdip.to_domain(EXAMPLE), "NAPTR", use_edns=1)
    assert rcode_of(ask(served, message)) == "BADVERS"


# ---------- Response codes -----------------------------------------------------------------------


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("host", LOOPBACKS)
@pytest.mark.parametrize(
    ("asked", "rdtype", "rcode"),
    [
        (EXAMPLE, "NAPTR", "NOERROR"),  # ported
        ("+447786852522", "NAPTR", "NOERROR"),  # in a range whose network is known
        ("5.2.44.e164.arpa", "NAPTR", "SERVFAIL"),  # a label of two digits
        ("a.4.4.e164.arpa", "NAPTR", "SERVFAIL"),
        ("*.4.4.e164.arpa", "NAPTR", "SERVFAIL"),
        ("e164.arpa", "NAPTR", "SERVFAIL"),  # no digits
        ("1." * 16 + "e164.arpa", "NAPTR", "SERVFAIL"),  # more than 15
        (EXAMPLE, "A", "SERVFAIL"),
        (EXAMPLE, "ANY", "SERVFAIL"),
        ("1.4.4.enum.example", "NAPTR", "SERVFAIL"),  # outside every apex
        ("1.4.4.xe164.arpa", "NAPTR", "SERVFAIL"),
        (".", "NAPTR", "SERVFAIL"),
        ("+9990000000", "NAPTR", "NXDOMAIN"),  # no range holds it
        ("+44778685252", "NAPTR", "NXDOMAIN"),  # too short for its range
        ("+4477868525222", "NAPTR", "NXDOMAIN"),  # too long
        ("+4", "NAPTR", "NXDOMAIN"),
        ("+13392986157", "NAPTR", "NXDOMAIN"),  # its network is not known
        ("+442079460148", "NAPTR", "NXDOMAIN"),  # known in part, which is not answered
    ],
)
def test_response_codes_are_the_interfaces(
    served: Served, host: str, tcp: bool, asked: str, rdtype: str, rcode: str
) -> None:
    response = ask(served, query(asked, rdtype), host=host, tcp=tcp)
    assert rcode_of(response) == rcode
    assert len(response.answer) == (1 if rcode == "NOERROR" else 0)
    assert (response.authority, response.additional) == ([], [])
    assert dns.flags.to_text(response.flags) == "QR"


def test_other_class_is_improperly_formatted(served: Served) -> None:
    message = query(EXAMPLE, rdclass=dns.rdataclass.CH)
    assert rcode_of(ask(served, message)) == "SERVFAIL"


def test_other_opcode_is_improperly_formatted(served: Served) -> None:
    message = query(EXAMPLE)
    message.set_opcode(dns.opcode.NOTIFY)
    assert rcode_of(ask(served, message)) == "SERVFAIL"


def test_message_without_question_is_improperly_formatted(served: Served) -> None:
    with udp_client(served) as client:
        client.send(bytes.fromhex("abcd00000000000000000000"))
        assert client.recv(4096)[:4] == bytes.fromhex("abcd8002")


def test_short_messages_and_responses_are_dropped_in_silence(serve: Serve, snapshot: Path) -> None:
    # With one worker the answer to the last message shows that the others had theirs.
    served = serve("--plan", snapshot, "--listen", "127.0.0.1:0", "--workers", "1")
    with udp_client(served) as client:
        for octets in (b"", b"\0", EXAMPLE_QUERY[:11], EXAMPLE_ANSWER):
            client.send(octets)
        client.send(EXAMPLE_QUERY)
        assert client.recv(4096) == EXAMPLE_ANSWER


def test_answer_is_as_configured(serve: Serve, config: Callable[..., Path]) -> None:
    served = serve(
        "--config",
        config(
            """
            server.apex = ["e164.arpa", "enum.example"]
            [answer]
            ttl = 900
            order = 100
            preference = 10
            services = "E2U+PSTN:TEL"
            regexp = '#^.*$#tel:+99;mnc={mnc}#'
            partial = "answer"
            """
        ),
    )
    response = ask(served, query(numdip.to_domain(EXAMPLE, apex="enum.example")))
    [record] = response.answer[0]
    assert (response.answer[0].ttl, record.order, record.preference) == (900, 100, 10)
    assert (record.service, record.regexp) == (b"E2U+PSTN:TEL", b"#^.*$#tel:+99;mnc=012#")
    assert rcode_of(ask(served, query("+442079460148"))) == "NOERROR"


# ---------- The access list ----------------------------------------------------------------------


@pytest.mark.parametrize("tcp", [False, True])
def test_stranger_is_refused_and_client_served(
    serve: Serve, config: Callable[..., Path], tcp: bool
) -> None:
    served = serve("--config", config(ACL))
    permitted = ask(served, query(EXAMPLE), tcp=tcp, source="127.0.0.2")
    assert (rcode_of(permitted), len(permitted.answer)) == ("NOERROR", 1)
    for host, source in (("127.0.0.1", "127.0.0.3"), ("::1", "::1")):
        refused = ask(served, query(EXAMPLE), host=host, tcp=tcp, source=source)
        assert (rcode_of(refused), refused.answer) == ("REFUSED", [])
        assert dns.flags.to_text(refused.flags) == "QR"


def test_stranger_is_refused_before_anything_else_is_read(
    serve: Serve, config: Callable[..., Path]
) -> None:
    served = serve("--config", config(ACL))
    for message in (query("44.e164.arpa"), query("+9990000000"), query(EXAMPLE, "A")):
        assert rcode_of(ask(served, message)) == "REFUSED"


def test_dig_from_two_addresses(
    serve: Serve, config: Callable[..., Path], dig: Callable[..., str]
) -> None:
    served = serve("--config", config(ACL))
    args = ["@127.0.0.1", "-p", str(served.port), numdip.to_domain(EXAMPLE), "NAPTR"]
    assert "status: NOERROR" in dig("-b", "127.0.0.2", *args)
    assert "status: REFUSED" in dig("-b", "127.0.0.1", *args)


def test_stranger_is_dropped_where_told(serve: Serve, config: Callable[..., Path]) -> None:
    path = config("server.workers = 1\nacl.others = 'drop'\n" + ACL)
    served = serve("--config", path)
    with udp_client(served) as stranger, udp_client(served, "127.0.0.2") as client:
        stranger.send(EXAMPLE_QUERY)
        client.send(EXAMPLE_QUERY)  # answered after the stranger's was judged
        assert client.recv(4096) == EXAMPLE_ANSWER
        stranger.settimeout(0.1)
        with pytest.raises(TimeoutError):
            stranger.recv(4096)


def test_without_acl_only_loopback_may_ask_and_that_is_said(serve: Serve, snapshot: Path) -> None:
    served = serve("--plan", snapshot, "--listen", "0.0.0.0:0")
    assert "only loopback addresses may ask" in served.log("no [acl]")


# ---------- Ready, counters, end -----------------------------------------------------------------


def test_ready_line_has_the_real_addresses(served: Served, snapshot: Path) -> None:
    assert [host for host, _ in served.addresses] == LOOPBACKS
    assert all(port > 0 for _, port in served.addresses)
    assert f"plan {snapshot} with 6 prefixes and ported numbers" in served.ready
    assert "profile number-lookup" in served.ready


def test_without_arguments_the_bundled_plan_is_served_on_port_5300(serve: Serve) -> None:
    try:
        served = serve()
    except ServerEndedError as ended:
        if "127.0.0.1:5300/udp is in use" not in ended.errors:
            raise
        pytest.skip("another server of this machine has port 5300")
    assert served.addresses == [("127.0.0.1", 5300)]
    assert mnc_served(served) == "012"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_server_within_a_second_with_0(
    served: Served, number: signal.Signals
) -> None:
    assert mnc_served(served) == "012"
    begin = time.monotonic()
    assert served.stop(number) == 0
    assert time.monotonic() - begin < 1
    assert "stopped; " in served.log("stopped; ")


def test_second_ctrl_c_is_harmless(served: Served) -> None:
    for _ in range(5):
        served.send(signal.SIGINT)
    assert served.process.wait(PATIENCE) == 0
    assert [line.partition("; ")[0] for line in served.rest()] == ["numdip: stopped"]


def test_ctrl_c_ends_a_server_with_an_open_tcp_connection(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as idle:
        idle.sendall(b"\0")  # half a length
        begin = time.monotonic()
        assert served.stop(signal.SIGINT) == 0
        assert time.monotonic() - begin < 1


def test_counters_are_told_at_the_end(served: Served) -> None:
    for _ in range(5):
        mnc_served(served)
    served.stop()
    counted = served.log("stopped; ")
    assert any(word.rstrip(",") == "5" for word in counted.split())


def test_stopped_server_has_let_go_of_its_ports(serve: Serve, snapshot: Path) -> None:
    first = serve("--plan", snapshot, "--listen", "127.0.0.1:0")
    port = first.port
    mnc_served(first)
    first.stop()
    again = serve("--plan", snapshot, "--listen", f"127.0.0.1:{port}")
    assert mnc_served(again) == "012"


# ---------- What cannot start --------------------------------------------------------------------


def test_port_in_use_is_told_with_the_address(numdip_command: Command, snapshot: Path) -> None:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as busy:
            busy.bind(("127.0.0.1", 0))
            if kind == socket.SOCK_STREAM:
                busy.listen()
            address = f"127.0.0.1:{busy.getsockname()[1]}"
            done = numdip_command("serve", "--plan", snapshot, "--listen", address)
        assert (done.returncode, done.stdout) == (2, "")
        assert address in done.stderr
        assert "is in use by another program" in done.stderr
        assert done.stderr.count("\n") == 1


def test_port_of_another_numdip_is_in_use(
    numdip_command: Command, served: Served, snapshot: Path
) -> None:
    address = f"127.0.0.1:{served.port}"
    done = numdip_command("serve", "--plan", snapshot, "--listen", address)
    assert done.returncode == 2
    assert "is in use by another program" in done.stderr
    assert mnc_served(served) == "012"


def test_port_53_without_permission_is_told_with_the_mend(
    serve: Serve, snapshot: Path, without_privileges: list[str]
) -> None:
    lowest = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if lowest.exists() and int(lowest.read_text()) <= 53:
        pytest.skip("this machine lets everybody have port 53")
    with pytest.raises(ServerEndedError) as ended:
        serve("--plan", snapshot, "--listen", "127.0.0.1:53", prefix=without_privileges)
    assert ended.value.code == 2
    assert "127.0.0.1:53" in ended.value.errors
    assert "CAP_NET_BIND_SERVICE" in ended.value.errors


def test_address_that_is_not_ours_is_told(numdip_command: Command, snapshot: Path) -> None:
    done = numdip_command("serve", "--plan", snapshot, "--listen", "192.0.2.1:5300")
    assert done.returncode == 2
    assert "192.0.2.1:5300" in done.stderr
    assert "is not an address of this machine" in done.stderr


def test_configuration_with_faults_does_not_start_and_tells_them_all(
    numdip_command: Command, config: Callable[..., Path]
) -> None:
    path = config("[answer]\nttl = -1\norder = -1\n[acl]\n")
    done = numdip_command("serve", "--config", path)
    assert (done.returncode, done.stdout) == (2, "")
    keys = ["answer.ttl", "answer.order", "acl"]
    assert [line.split(": ")[:3] for line in done.stderr.splitlines()] == [
        ["numdip", str(path), key] for key in keys
    ]


def test_plan_that_is_no_snapshot_does_not_start(
    numdip_command: Command, config: Callable[..., Path], snapshot: Path
) -> None:
    snapshot.write_bytes(b"no snapshot")
    done = numdip_command("serve", "--config", config())
    assert (done.returncode, done.stdout) == (2, "")
    assert "plan.path: " in done.stderr


def test_serve_goes_on_without_anybody_reading_its_output(snapshot: Path) -> None:
    # As under a supervisor that has closed its end: the port is found in the system's table.
    shell = shutil.which("sh")
    assert shell is not None
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    command = [sys.executable, "-m", "numdip", "serve", "--plan", str(snapshot)]
    with subprocess.Popen(
        [shell, "-c", 'exec "$@" >&- 2>&-', "sh", *command, "--listen", f"127.0.0.1:{port}"],
        env=os.environ,
    ) as process:
        try:
            end = time.monotonic() + PATIENCE
            response = None
            while response is None and time.monotonic() < end:
                try:
                    response = dns.query.tcp(query(EXAMPLE), "127.0.0.1", timeout=1, port=port)
                except (OSError, EOFError):
                    assert process.poll() is None
            assert response is not None
            assert rcode_of(response) == "NOERROR"
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
