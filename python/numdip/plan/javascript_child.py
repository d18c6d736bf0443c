"""A process that evaluates one JavaScript program with QuickJS and ends.

It is started by :mod:`numdip.plan.javascript` with its limits as arguments and imports nothing of
numdip. QuickJS has neither files nor network; the limits of the operating system hold even where
the engine's own would not, as in a regular expression that never ends.
"""

from __future__ import annotations

import json
import resource
import sys

#: Lines of the functions given to the program begin here, so that a line tells whose it is.
FIRST_LINE = 1_000_000


def main() -> None:
    """Reads ``[functions, program, result]`` and writes ``{"result": …}`` or ``{"error": …}``.

    *result* is the name of the function whose text is the result.
    """
    seconds, octets = map(int, sys.argv[1:])
    try:
        import quickjs  # type: ignore[import-untyped]
    except ImportError:
        json.dump({"error": "no quickjs"}, sys.stdout)
        return
    limits = {
        resource.RLIMIT_AS: octets + (1 << 29),  # the interpreter's own besides
        resource.RLIMIT_CPU: 2 * seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in limits.items():
        resource.setrlimit(what, (most, most))
    functions, program, result = json.load(sys.stdin)
    context = quickjs.Context()
    context.set_memory_limit(octets)
    context.set_time_limit(seconds)
    context.set_max_stack_size(1 << 20)
    try:
        context.eval("\n" * (FIRST_LINE - 1) + functions)
        get = context.get(result)
        context.eval(program)
        given = get()
        answer = {"result": given if isinstance(given, str) else None}
    except quickjs.JSException as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": "InternalError: out of memory"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
