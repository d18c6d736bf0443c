"""``numdip naptr check``: what is wrong with NAPTR records, and how to mend it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import TYPE_CHECKING, Annotated

import typer

from .failures import DONE, NO, UNREADABLE, complain, exits

if TYPE_CHECKING:
    from ..naptr_check import Finding

__all__ = ["check_records"]


@exits
def check_records(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE…", help="Zone files, or six fields a line; - is stdin."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a finding.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Print the file with what is safe to mend mended.")
    ] = False,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="F", help="With --fix: write it there.")
    ] = None,
    apex: Annotated[
        str, typer.Option(metavar="D", help="Domain below which names are numbers.")
    ] = "e164.arpa",
) -> int:
    """Say what is wrong with the NAPTR records of zone files, record by record.

    Exits with 1 if there is more than a note, with 2 if a file cannot be read. With --fix the
    findings go to standard error and are those of the file as it was.
    """
    from ..naptr_check import check

    if (fix and len(files) != 1) or (output is not None and not fix):
        complain("--fix takes one FILE, and -o goes with --fix")
        return UNREADABLE
    code = DONE
    for file in files:
        try:
            text = _read(file)
        except OSError as error:
            complain(f"{file}: {error.strerror}")
            code = UNREADABLE
            continue
        name = "stdin" if file == "-" else file
        checked = check(text, file=name, apex=apex)
        if not checked.records:
            complain(f"{name}: there is no NAPTR record in it")
            code = UNREADABLE
        for finding in checked.findings:
            _print(finding, as_json=as_json, to_errors=fix and output is None)
        if any(finding.is_fault for finding in checked.findings):
            code = max(code, NO)
        if fix:
            _write(output, checked.mended)
            complain(f"{name}: {checked.mendable} of {checked.records} records mended")
    return code


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    with open(file, "rb") as stream:
        return stream.read()


def _write(output: str | None, text: bytes) -> None:
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(text)
        return
    # Whole or not at all: FILE may be the same.
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(output) or ".", delete=False) as stream:
        try:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
            os.chmod(stream.name, _mode(output))
            os.replace(stream.name, output)
        except BaseException:
            os.unlink(stream.name)
            raise


def _mode(output: str) -> int:
    """The permissions of the file that is replaced, or those of a new one."""
    try:
        return os.stat(output).st_mode & 0o777
    except FileNotFoundError:
        os.umask(mask := os.umask(0))
        return 0o666 & ~mask


def _print(finding: Finding, *, as_json: bool, to_errors: bool) -> None:
    stream = sys.stderr if to_errors else sys.stdout
    if as_json:
        print(json.dumps(finding.to_dict(), ensure_ascii=False), file=stream)
        return
    place = f"{finding.file}:{finding.line}"
    print(f"{place}: {finding.severity} {finding.code}: {finding.what}", file=stream)
    print(f"    {finding.mend}", file=stream)
    if finding.fixed is not None:
        print(f"    {finding.fixed}", file=stream)
