"""Programs of others: what they can reach, and that they end."""

from __future__ import annotations

import json
import time

import pytest

from numdip.plan.javascript import ScriptError, evaluate

FUNCTIONS = "globalThis.result = function () { return JSON.stringify(globalThis.found); };"


def run(program: str, **limits: int) -> object:
    return json.loads(evaluate(FUNCTIONS, program, "result", **limits))


def test_a_program_gives_what_its_functions_say() -> None:
    assert run("found = [1, 'a\\\\1', 'ü'];") == [1, "a\\1", "ü"]


@pytest.mark.parametrize(
    "program",
    [
        "for (;;) {}",
        "while (true) { try { while (true) {} } catch (e) {} }",
        "/^(a+)+$/.test('a'.repeat(60) + 'b')",
        "found = []; found.sort.call({length: 1e15})",
        "new Promise(function () { for (;;) {} })",
    ],
)
def test_loops_end(program: str) -> None:
    start = time.monotonic()
    with pytest.raises(
        ScriptError, match=r"runs for more than 1 seconds|MiB of memory|ends without"
    ):
        run(program, seconds=1)
    assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    "program",
    [
        "var all = []; for (;;) { all.push(new Array(1000).join('x')); }",
        "var s = 'x'; for (;;) { s += s; }",
        "new ArrayBuffer(1e9)",
        "found = 'x'.repeat(6e7)",
        "var all = []; for (;;) { all.push({}); }",
    ],
)
def test_memory_is_bounded(program: str) -> None:
    with pytest.raises(ScriptError, match=r"MiB of memory|string too long|seconds|invalid array"):
        run(program, seconds=5, memory=32 << 20)


@pytest.mark.parametrize(
    "program",
    [
        "function f() { f(); } f();",
        "var a = []; for (var i = 0; i < 1e5; i++) a = [a]; found = a;",
        "eval('('.repeat(1e5))",
    ],
)
def test_depth_is_bounded(program: str) -> None:
    with pytest.raises(ScriptError, match=r"."):
        run(program)


@pytest.mark.parametrize(
    "reached",
    [
        *("std", "os", "process", "fetch", "XMLHttpRequest", "WebSocket", "load", "print"),
        *("Deno", "module", "exports", "__filename", "scriptArgs", "Worker", "importScripts"),
    ],
)
def test_nothing_outside_is_there(reached: str) -> None:
    assert run(f"found = typeof {reached};") == "undefined"


def test_modules_are_not_loaded() -> None:
    with pytest.raises(ScriptError):
        run("import * as os from 'os'; found = 1;")
    assert run("found = 1; import('os').then(function () { found = 2; });") == 1


def test_an_error_has_its_line() -> None:
    with pytest.raises(
        ScriptError, match=r"^ReferenceError: .*nowhere.* is not defined$"
    ) as caught:
        run("var a = 1;\n\nnowhere(a);\n")
    assert caught.value.line == 3
    with pytest.raises(ScriptError) as caught:
        run("var a = 1;\nvar b = ;\n")
    assert caught.value.line == 2
    with pytest.raises(ScriptError, match="told"):
        run("throw 'told';")
