"""TOML tables to msgspec structs, telling every fault and not only the first.

A struct is one table. Its fields are other structs (tables), tuples (lists) or annotated leaves::

    ttl: Annotated[int, Meta(ge=0, description="a whole number of seconds")] = 3
    name: Annotated[str, worded('a name such as "acme"', judge)]

msgspec judges the type and bounds of one leaf, ``judge`` what they cannot say, and the description
is what the fault's text gives as expected. A faulty value is left at its default.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta

__all__ = ["Fault", "read", "worded"]

#: One fault: the key path, empty for the file as a whole, and what is wrong with it.
Fault = tuple[str, str]

_S = TypeVar("_S", bound=msgspec.Struct)


def worded(expected: str, judge: Callable[[str], str | None] | None = None) -> Meta:
    """Describes a text that is not empty.

    Args:
        expected: what is expected, with an example in double quotes.
        judge: says what is wrong with a text, or ``None``.
    """
    return Meta(description=expected, extra={"judge": judge or _filled})


def read(kind: type[_S], table: dict[str, Any], faults: list[Fault]) -> _S:
    """Makes a *kind*, all of whose fields have defaults, of a parsed file; adds to *faults*."""
    found: _S = _struct(kind, table, "", faults)
    return found


def _filled(text: str) -> str | None:
    return None if text.strip() else 'found "", expected a text that is not empty'


_FAULTY: Any = object()


def _struct(kind: type[Any], table: object, key: str, faults: list[Fault]) -> Any:
    if not isinstance(table, dict):
        faults.append((key, f"found {_shown(table)}, expected a table: [{key}]"))
        return _FAULTY
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    faults.extend(
        (_under(key, name), _unknown(name, list(fields))) for name in table if name not in fields
    )
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in table:
            value = _value(field.type, table[name], _under(key, name), faults)
            if value is not _FAULTY:
                values[name] = value
        elif field.required:
            faults.append((_under(key, name), f"missing; add {name} = {_example(field.type)}"))
    if any(field.required and name not in values for name, field in fields.items()):
        return _FAULTY
    return kind(**values)


def _value(kind: Any, value: object, key: str, faults: list[Fault]) -> Any:
    for choice in get_args(kind):
        if choice is type(None):  # "X | None": TOML has no null, so X it is
            return _value(get_args(kind)[0], value, key, faults)
    if get_origin(kind) is tuple:
        return _list(get_args(kind)[0], value, key, faults)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct(kind, value, key, faults)
    meta: Meta = get_args(kind)[1]
    try:
        found = msgspec.convert(value, kind)
    except msgspec.ValidationError:
        faults.append((key, f"found {_shown(value)}, expected {meta.description}"))
        return _FAULTY
    judge = (meta.extra or {}).get("judge")
    fault = judge(found) if judge else None
    if fault is not None:
        faults.append((key, fault))
        return _FAULTY
    return found


def _list(kind: Any, value: object, key: str, faults: list[Fault]) -> Any:
    if not isinstance(value, list):
        of_tables = isinstance(kind, type)
        expected = (
            f"tables: [[{key}]]" if of_tables else f"a list: {key.rpartition('.')[2]} = [ … ]"
        )
        faults.append((key, f"found {_shown(value)}, expected {expected}"))
        return _FAULTY
    found = [_value(kind, item, f"{key}[{i}]", faults) for i, item in enumerate(value)]
    good = tuple(item for item in found if item is not _FAULTY)
    return good if good or not value else _FAULTY


def _under(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.lower(), known, n=1)
    if near:
        return f'unknown key; did you mean "{near[0]}"?'
    return f"unknown key; expected one of {', '.join(known)}"


def _example(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return f'["{_example_text(get_args(kind)[0])}"]'
    return f'"{_example_text(kind)}"'


def _example_text(kind: Any) -> str:
    description: str = get_args(kind)[1].description
    return description.split('"')[1]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return str(value)
