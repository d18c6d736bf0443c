"""What ``import numdip`` offers: no less than ``__all__``, and nothing besides."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import numdip
from numdip import _native, errors

ERRORS = [getattr(errors, name) for name in errors.__all__]


def test_all_is_sorted_and_complete() -> None:
    assert sorted(numdip.__all__) == numdip.__all__
    public = {
        name
        for name, value in vars(numdip).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    # TYPE_CHECKING and "annotations" are Python's, not ours.
    public = (public | {*numdip._LATER}) - {"TYPE_CHECKING", "annotations"}
    assert {*numdip.__all__} - {"errors", "__version__"} == public


@pytest.mark.parametrize("name", [name for name in numdip.__all__ if name[0].isupper()])
def test_classes_say_that_they_are_of_numdip(name: str) -> None:
    assert getattr(numdip, name).__module__ == "numdip"


@pytest.mark.parametrize("name", [name for name in numdip.__all__ if not name.startswith("__")])
def test_everything_public_is_documented(name: str) -> None:
    assert getattr(numdip, name).__doc__


def test_package_is_typed() -> None:
    assert (Path(numdip.__file__).parent / "py.typed").exists()


def test_native_exports_are_those_of_the_stub() -> None:
    stub = Path(numdip.__file__).with_name("_native.pyi")
    declared = set()
    for node in ast.parse(stub.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            declared.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            declared.add(node.target.id)
    # What begins with an underscore is a name for types, of the stub alone.
    declared = {name for name in declared if not name.startswith("_") or name == "__version__"}
    exported = {name for name in dir(_native) if not name.startswith("_")} | {"__version__"}
    assert declared == exported


@pytest.mark.parametrize("kind", ERRORS)
def test_errors_are_numdip_errors(kind: type[Exception]) -> None:
    assert issubclass(kind, numdip.NumdipError)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.NumberError, ValueError),
        (errors.DomainError, ValueError),
        (errors.NaptrError, ValueError),
        (errors.RuleError, ValueError),
        (errors.PlanError, ValueError),
        (errors.ConfigError, ValueError),
        (errors.SnapshotError, OSError),
        (errors.ServerError, OSError),
        (errors.ClientError, OSError),
        (errors.ClientTimeoutError, TimeoutError),
        (errors.ClientTimeoutError, errors.ClientError),
        (errors.ClientRecordError, errors.ClientError),
        (errors.ClientRefusedError, errors.ClientResponseError),
        (errors.ClientServerFailureError, errors.ClientResponseError),
    ],
)
def test_errors_are_the_builtin_that_python_would_raise(
    kind: type[Exception], builtin: type[Exception]
) -> None:
    assert issubclass(kind, builtin)


@pytest.mark.parametrize("kind", ERRORS)
def test_errors_of_one_message_say_it_and_survive_pickling(kind: type[Exception]) -> None:
    error = kind("what went wrong")
    copy = pickle.loads(pickle.dumps(error))
    assert "what went wrong" == str(error) == str(copy)
    assert kind is type(copy)


def test_error_details_survive_pickling() -> None:
    number = pickle.loads(pickle.dumps(errors.NumberError("no plus", "no-plus")))
    domain = pickle.loads(pickle.dumps(errors.DomainError("a label", "label:12")))
    config = pickle.loads(pickle.dumps(errors.ConfigError("faults", [("answer.ttl", "bad")])))
    plan = pickle.loads(pickle.dumps(errors.PlanError("bad rows", "a.csv:2: bad")))
    assert [number.code, domain.code] == ["no-plus", "label:12"]
    assert config.faults == [("answer.ttl", "bad")]
    assert plan.report == "a.csv:2: bad"


def test_error_tree_in_the_docstring_is_the_real_one() -> None:
    assert errors.__doc__ is not None
    for name in errors.__all__:
        assert f"{name} " in errors.__doc__ or f"{name}\n" in errors.__doc__


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("13392986156", "no-plus"),
        ("+1-800-FLOWERS", "bad-char"),
        ("+", "bad-char"),
        ("+\u0664\u0664\u0661", "bad-char"),
        ("+0441632960083", "cc-zero"),
        ("+1234567890123456", "too-long"),
    ],
)
def test_number_error_has_a_code(text: str, code: str) -> None:
    with pytest.raises(numdip.NumberError) as caught:
        numdip.Number(text)
    assert code == caught.value.code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("e164.arpa", "apex"),
        ("12.4.4.e164.arpa", "label:12"),
        ("1.xe164.arpa", "not-under-suffix"),
        ("4..4.e164.arpa", "empty-label"),
    ],
)
def test_domain_error_has_a_code(name: str, code: str) -> None:
    with pytest.raises(numdip.DomainError) as caught:
        numdip.from_domain(name)
    assert code == caught.value.code


def test_open_without_such_a_file_is_a_snapshot_error(tmp_path: Path) -> None:
    with pytest.raises(numdip.SnapshotError, match=r"none\.snap"):
        numdip.open(tmp_path / "none.snap")


def test_open_takes_text_and_paths(snapshot: Path) -> None:
    for path in (str(snapshot), snapshot):
        answer = numdip.open(path).lookup("+13392986156")
        assert answer is not None
        assert answer.mnc == "012"


def test_open_in_huge_pages_answers_the_same(snapshot: Path) -> None:
    mapped, copied = numdip.open(snapshot), numdip.open(snapshot, memory="huge")
    for number in ("+13392986156", "+447786852522", "+447786000001", "+19999999999"):
        assert mapped.lookup(number) == copied.lookup(number)


def test_open_without_a_path_is_the_bundled_plan() -> None:
    answer = numdip.open().lookup("+13392986156")
    assert answer is not None
    assert (answer.mcc, answer.mnc) == ("310", "012")


def test_responder_needs_no_socket(snapshot: Path) -> None:
    responder = numdip.Responder(numdip.open(snapshot), profile="number-lookup")
    # A header alone: id 7, no question. Improperly formatted, so SERVFAIL.
    response = responder.respond(bytes.fromhex("000700000000000000000000"), source="127.0.0.1")
    assert response is not None
    assert (int.from_bytes(response[:2], "big"), response[3] & 15) == (7, 2)


@pytest.mark.parametrize("field", ["order", "preference"])
@pytest.mark.parametrize("value", [-1, 65_536])
def test_naptr_numbers_out_of_range_are_naptr_errors(field: str, value: int) -> None:
    numbers: dict[str, Any] = {"order": 1, "preference": 1, field: value}
    with pytest.raises(numdip.NaptrError, match=f'{field}: found "{value}"'):
        numdip.Naptr(**numbers)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ttl", -1),
        ("ttl", 1 << 31),
        ("order", 65_536),
        ("services", "nonsense"),
        ("services", "E2U+a b"),
        ("regexp", "!^.*$!tel:x;mcc={{mcc}}!"),
    ],
)
def test_responder_settings_that_cannot_be_are_config_errors(key: str, value: Any) -> None:
    with pytest.raises(numdip.ConfigError, match=rf"^answer\.{key}: "):
        numdip.Responder(numdip.open(), **{key: value})


def test_responder_takes_one_apex_as_text() -> None:
    assert numdip.Responder(numdip.open(), apex="e164enum.net")


def test_lookup_many_refuses_one_text() -> None:
    with pytest.raises(TypeError, match="in a list"):
        numdip.open().lookup_many("447786852522")
