"""From a row of CSV to the URI that a caller gets (RFC 3764): built, served, asked, applied."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numdip
from conftest import Command, Served, WriteFile

NUMBER = "+441632960083"


def test_a_number_provisioned_by_csv_resolves_to_its_sip_uri(
    write: WriteFile,
    tmp_path: Path,
    numdip_command: Command,
    serve: Callable[..., Served],
    dig: Callable[..., str],
) -> None:
    rows = write(
        "records.csv",
        "name,order,preference,flags,services,regexp,ttl\n"
        f"{NUMBER},100,10,u,E2U+sip,!^.*$!sip:info@example.com!,300\n",
    )
    done = numdip_command("plan", "build", rows, "-o", tmp_path / "a.snap")
    assert done.returncode == 0, done.stderr
    served = serve("--plan", tmp_path / "a.snap", "--listen", "127.0.0.1:0")
    domain = numdip.to_domain(NUMBER)
    printed = dig("@127.0.0.1", "-p", str(served.port), "+noall", "+answer", domain, "NAPTR")
    answer = re.fullmatch(rf"{re.escape(domain)}\.\s+300\s+IN\s+NAPTR\s+(.*)\n", printed)
    assert answer is not None, printed
    record = numdip.Naptr.parse(answer[1])
    assert record.enumservices == ["sip"]
    assert record.apply(NUMBER) == "sip:info@example.com"
    nobody = dig("@127.0.0.1", "-p", str(served.port), numdip.to_domain("+441632960084"), "NAPTR")
    assert "status: NXDOMAIN" in nobody
