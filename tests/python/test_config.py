"""The configuration file: every key, every default, and every fault at once with its key path."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numdip import acl
from numdip.config import Config, listen_fault, load, parse
from numdip.errors import ConfigError

# The configuration of the interface, word for word.
WHOLE = r"""
[server]
listen  = ["127.0.0.1:5300", "[::1]:5300"]   # UDP and TCP on each
workers = 0                                   # threads; 0 = one per CPU
apex    = ["e164.arpa"]
profile = "number-lookup"

[plan]
path = "national.snap"        # absent: the bundled plan
memory = "map"                # or "huge": copied into huge pages at start, fastest look-ups
watch = false                 # take up a new snapshot or layer without being told

[answer]
ttl = 3
order = 10
preference = 50
services = "E2U+pstn:tel"
regexp = '!^(.*)$!tel:\1;mcc={mcc};mnc={mnc}!'
partial = "nxdomain"

[acl]
others = "refuse"             # or "drop"
[[acl.client]]
name = "acme"
networks = ["192.0.2.0/24", "2001:db8::/32"]
"""


@pytest.fixture
def config_file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "numdip.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def faults(config_file: Callable[[str], Path]) -> Callable[[str], dict[str, str]]:
    """The faults of a configuration: message by key path."""

    def find(text: str) -> dict[str, str]:
        with pytest.raises(ConfigError) as caught:
            load(config_file(text))
        return dict(caught.value.faults)

    return find


# ---------- What is valid ------------------------------------------------------------------------


def test_whole_configuration_is_read(config_file: Callable[[str], Path]) -> None:
    path = config_file(WHOLE)
    config = load(path)
    assert config.server.listen == ("127.0.0.1:5300", "[::1]:5300")
    assert (
        config.server.workers,
        config.server.apex,
        config.server.profile,
    ) == (0, ("e164.arpa",), "number-lookup")
    assert (str(path.parent / "national.snap"), "map", False) == (
        config.plan.path,
        config.plan.memory,
        config.plan.watch,
    )
    assert Config().answer == config.answer
    assert config.acl is not None
    assert config.acl.others == "refuse"
    assert [(client.name, client.networks) for client in config.acl.client] == [
        ("acme", ("192.0.2.0/24", "2001:db8::/32"))
    ]


def test_empty_configuration_is_the_defaults(config_file: Callable[[str], Path]) -> None:
    assert Config() == load(config_file(""))


def test_defaults_are_the_interfaces() -> None:
    config = Config()
    assert config.server.listen == ("127.0.0.1:5300",)
    assert (config.answer.ttl, config.answer.order, config.answer.preference) == (3, 10, 50)
    assert config.answer.services == "E2U+pstn:tel"
    assert config.answer.regexp == r"!^(.*)$!tel:\1;mcc={mcc};mnc={mnc}!"
    assert config.answer.partial == "nxdomain"
    assert config.plan.path is None
    assert config.acl is None


def test_records_have_the_defaults_of_the_one(config_file: Callable[[str], Path]) -> None:
    answer = load(
        config_file(
            r"""
            [answer]
            ttl = 60
            [[answer.record]]
            preference = 10
            services = "E2U+sip"
            regexp = '!^(.*)$!sip:\1@gw.example!'
            [[answer.record]]
            flags = ""
            replacement = "enum.example"
            """
        )
    ).answer
    sip, onwards = answer.record
    assert (answer.ttl, sip.order, sip.preference, sip.flags) == (60, 10, 10, "u")
    assert (sip.services, sip.replacement) == ("E2U+sip", ".")
    assert (onwards.flags, onwards.services, onwards.regexp) == ("", None, None)


def test_plan_path_is_relative_to_the_configurations_folder(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    path = tmp_path / "etc" / "numdip.toml"
    path.write_text('[plan]\npath = "../data/plan.snap"\n')
    assert str(tmp_path / "data" / "plan.snap") == load(path).plan.path


def test_absolute_plan_path_stays(config_file: Callable[[str], Path]) -> None:
    assert load(config_file('[plan]\npath = "/srv/plan.snap"')).plan.path == "/srv/plan.snap"


def test_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "numdip.toml"
    path.write_bytes(b"\xef\xbb\xbf[answer]\nttl = 60\n")
    assert load(path).answer.ttl == 60


def test_configuration_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Config().server.workers = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "line",
    [
        "server.listen = ['0.0.0.0:0', '0.0.0.0:0']",  # another free port each time
        "server.listen = ['[::]:53', '0.0.0.0:53']",
        "server.workers = 1024",
        "server.gather = 0",
        "server.gather = 1000",
        "server.apex = ['e164.arpa', 'enum.example.net']",
        "plan.memory = 'huge'",
        "plan.watch = true",
        "answer.ttl = 0",
        "answer.ttl = 2147483647",
        "answer.order = 65535",
        "answer.preference = 0",
        "answer.partial = 'answer'",
    ],
)
def test_bounds_are_within(config_file: Callable[[str], Path], line: str) -> None:
    load(config_file(line))


# ---------- What is not --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "key", "expected"),
    [
        (
            "server.workers = -1",
            "server.workers",
            "found -1, expected a whole number from 0 to 1024",
        ),
        ("server.workers = 1025", "server.workers", "found 1025"),
        ("server.gather = -1", "server.gather", "found -1, expected a whole number of microsec"),
        ("server.gather = 1001", "server.gather", "found 1001"),
        ("server.gather = '50 µs'", "server.gather", 'found "50 µs"'),
        ("server.workers = true", "server.workers", "found true, expected a whole number"),
        ("server.workers = 1.5", "server.workers", "found 1.5"),
        ("server.workers = '2'", "server.workers", 'found "2", expected a whole number'),
        ("server.listen = '127.0.0.1:53'", "server.listen", "expected a list: listen = [ … ]"),
        ("server.listen = []", "server.listen", "expected at least one"),
        ("server.listen = ['127.0.0.1']", "server.listen[0]", 'expected "127.0.0.1:5300"'),
        ("server.listen = ['0.0.0.0:53', '::1:53']", "server.listen[1]", "in brackets"),
        ("server.listen = ['localhost:53']", "server.listen[0]", "host names are not looked up"),
        ("server.listen = ['127.0.0.1:65536']", "server.listen[0]", "found port 65536"),
        ("server.listen = ['127.0.0.1:x']", "server.listen[0]", 'found "127.0.0.1:x"'),
        ("server.listen = ['[127.0.0.1]:53']", "server.listen[0]", "expected an IP address"),
        ("server.listen = ['[::g]:53']", "server.listen[0]", "expected an IP address"),
        ("server.listen = [53]", "server.listen[0]", 'found 53, expected a text such as "127'),
        ("server.listen = ['[::1]:1', '[::1]:1']", "server.listen[1]", 'found "[::1]:1" again'),
        ("server.apex = []", "server.apex", "expected at least one"),
        ("server.apex = ['e164..arpa']", "server.apex[0]", "expected a domain name"),
        ("server.apex = ['a', 'a']", "server.apex[1]", 'found "a" again'),
        ("server.profile = 'rfc'", "server.profile", 'does not have yet; use "number-lookup"'),
        ("server.profile = 'enum'", "server.profile", 'expected "number-lookup"'),
        ("plan.path = ''", "plan.path", "expected a text that is not empty"),
        ("plan.path = 5", "plan.path", "found 5, expected the path of a snapshot"),
        ("plan.memory = 'mmap'", "plan.memory", 'found "mmap", expected "map" or "huge"'),
        ("plan.watch = 'yes'", "plan.watch", 'found "yes", expected true or false'),
        (
            "answer.ttl = -1",
            "answer.ttl",
            "expected a whole number of seconds from 0 to 2147483647",
        ),
        ("answer.ttl = 2147483648", "answer.ttl", "found 2147483648"),
        ("answer.order = 65536", "answer.order", "expected a whole number from 0 to 65535"),
        ("answer.preference = -1", "answer.preference", "found -1"),
        ("answer.services = ''", "answer.services", "not empty"),
        ("answer.regexp = ['a']", "answer.regexp", "found a list"),
        ("answer.partial = 'no'", "answer.partial", 'expected "nxdomain" or "answer"'),
        ("answer.record = 3", "answer.record", "found 3, expected tables: [[answer.record]]"),
        ("answer.record = []", "answer.record", "found none, expected at least one"),
        ("answer.record = [{order = -1}]", "answer.record[0].order", "from 0 to 65535"),
        ("answer.record = [{}, {flags = 1}]", "answer.record[1].flags", 'expected "u", or ""'),
        ("answer.record = [{regexp = 1}]", "answer.record[0].regexp", "a substitution expression"),
        ("answer.record = [{replacement = ''}]", "answer.record[0].replacement", "not empty"),
        ("answer = {order = 1, record = [{}]}", "answer.order", "beside [[answer.record]]"),
        ("answer = {services = 'E2U+sip', record = [{}]}", "answer.services", "beside [[answer"),
        ("answer = 3", "answer", "found 3, expected a table: [answer]"),
        ("acl.others = 'ignore'", "acl.others", 'expected "refuse" or "drop"'),
        ("acl.others = 'drop'", "acl", "nobody could ask"),
        ("acl.client = 'acme'", "acl.client", "expected tables: [[acl.client]]"),
        ("acl.client = [{name = 'a'}]", "acl.client[0].networks", "missing; add networks = ["),
        ("acl.client = [{networks = ['::1/128']}]", "acl.client[0].name", 'add name = "acme"'),
        ("acl.client = [{name = 'a', networks = []}]", "acl.client[0].networks", "at least one"),
    ],
)
def test_fault_names_key_and_mend(
    faults: Callable[[str], dict[str, str]], line: str, key: str, expected: str
) -> None:
    found = faults(line)
    assert [key] == [*found][:1]
    assert expected in found[key]


@pytest.mark.parametrize(
    ("line", "key", "meant"),
    [
        ("server.lisen = []", "server.lisen", "listen"),
        ("sever.listen = []", "sever", "server"),
        ("answer.TTL = 3", "answer.TTL", "ttl"),
        ("answer.records = []", "answer.records", "record"),
        ("answer.record = [{service = 'E2U+sip'}]", "answer.record[0].service", "services"),
        ("acl.clients = []", "acl.clients", "client"),
        (
            "acl.client = [{name = 'a', network = ['::1'], networks = ['::1/128']}]",
            "acl.client[0].network",
            "networks",
        ),
    ],
)
def test_unknown_key_is_refused_with_what_was_meant(
    faults: Callable[[str], dict[str, str]], line: str, key: str, meant: str
) -> None:
    assert f'unknown key; did you mean "{meant}"?' == faults(line)[key]


def test_unknown_key_like_no_other_lists_those_there_are(
    faults: Callable[[str], dict[str, str]],
) -> None:
    assert "expected one of path, memory, watch" in faults("plan.zzz = 1")["plan.zzz"]


@pytest.mark.parametrize(
    "network", ["192.0.2.1/24", "192.0.2.0/33", "192.0.2", "acme", "2001:db8::1/32", "::/129", ""]
)
def test_network_that_is_none_is_refused(
    faults: Callable[[str], dict[str, str]], network: str
) -> None:
    text = f"acl.client = [{{name = 'a', networks = ['192.0.2.0/24', '{network}']}}]"
    found = faults(text)
    assert [*found] == ["acl.client[0].networks[1]"]
    assert f'found "{network}"' in found["acl.client[0].networks[1]"]


def test_network_of_two_clients_is_refused(faults: Callable[[str], dict[str, str]]) -> None:
    text = """
        [[acl.client]]
        name = "acme"
        networks = ["192.0.2.0/24", "2001:db8::/32"]
        [[acl.client]]
        name = "bolt"
        networks = ["198.51.100.0/24", "2001:DB8:0::/32"]
    """
    found = faults(text)
    assert [*found] == ["acl.client[1].networks[1]"]
    assert '"acme" has in acl.client[0].networks[1]' in found["acl.client[1].networks[1]"]


def test_client_named_twice_is_refused(faults: Callable[[str], dict[str, str]]) -> None:
    text = "acl.client = [{name='a', networks=['::1/128']}, {name='a', networks=['::2/128']}]"
    assert [*faults(text)] == ["acl.client[1].name"]


def test_all_faults_are_told_at_once(faults: Callable[[str], dict[str, str]]) -> None:
    text = """
        [server]
        listen = ["127.0.0.1:5300", "nowhere"]
        workers = 9999
        colour = "red"
        [answer]
        ttl = -1
        order = "first"
        [acl]
        others = "shout"
        [[acl.client]]
        networks = ["192.0.2.0/24", "192.0.2.77/24"]
        [[acl.client]]
        name = "bolt"
    """
    assert {
        "server.listen[1]",
        "server.workers",
        "server.colour",
        "answer.ttl",
        "answer.order",
        "acl.others",
        "acl.client[0].name",
        "acl.client[0].networks[1]",
        "acl.client[1].networks",
    } == set(faults(text))


def test_error_text_has_file_and_key_on_every_line(config_file: Callable[[str], Path]) -> None:
    path = config_file("server.workers = -1\nanswer.ttl = -1\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    lines = str(caught.value).splitlines()
    assert [f"{path}: server.workers: ", f"{path}: answer.ttl: "] == [
        re.sub("found.*", "", line) for line in lines
    ]


def test_parse_gives_what_is_sound_beside_the_faults(config_file: Callable[[str], Path]) -> None:
    config, found = parse(config_file("answer.ttl = -1\nanswer.order = 7\n"))
    assert [key for key, _ in found] == ["answer.ttl"]
    assert (config.answer.ttl, config.answer.order) == (3, 7)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[server]\nworkers = \n", "line 2"),
        ("[server]\nworkers = 1\nworkers = 2\n", "line 3"),
        ('[server]\nlisten = ["127.0.0.1:53"', "not TOML"),
    ],
)
def test_syntax_fault_names_file_and_line(
    config_file: Callable[[str], Path], text: str, where: str
) -> None:
    path = config_file(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert where in str(caught.value)
    assert [key for key, _ in caught.value.faults] == [""]


def test_file_that_is_not_utf8_names_line_and_octet(tmp_path: Path) -> None:
    path = tmp_path / "numdip.toml"
    path.write_bytes(b"# plan\n[plan]\npath = 'caf\xe9.snap'\n")
    with pytest.raises(ConfigError, match=r"line 3: not UTF-8 at octet 25"):
        load(path)


def test_missing_file_has_no_faults_but_a_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file") as caught:
        load(tmp_path / "none.toml")
    assert caught.value.faults == []


def test_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path)


# ---------- Properties ---------------------------------------------------------------------------


@given(st.text())
def test_listen_fault_takes_any_text(text: str) -> None:
    fault = listen_fault(text)
    assert fault is None or fault.startswith("found")


_KEYS = ["server", "plan", "answer", "acl", "client", "name", "networks", "listen", "ttl", "path"]
_VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.sampled_from(["", "a", "::1/128"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner),
    max_leaves=20,
)


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return repr(value).lower() if isinstance(value, bool) else repr(value)


@given(tables=st.dictionaries(st.sampled_from(_KEYS), _VALUES))
def test_every_toml_is_read_or_told_its_faults(
    tmp_path_factory: pytest.TempPathFactory, tables: dict[str, object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text("".join(f"{key} = {toml(value)}\n" for key, value in tables.items()))
    config, faults = parse(path)
    assert isinstance(config, Config)
    assert all(key and text for key, text in faults)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_every_address_and_port_can_be_listened_on(address: object, port: int) -> None:
    text = f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"
    assert listen_fault(text) is None


@given(st.ip_addresses(), st.integers(0, 200))
def test_network_fault_agrees_with_the_standard_library(address: object, bits: int) -> None:
    import ipaddress

    text = f"{address}/{bits}"
    try:
        ipaddress.ip_network(text)
        valid = True
    except ValueError:
        valid = False
    assert valid == (acl.network_fault(text) is None)


# ---------- The access list ----------------------------------------------------------------------


def test_acl_without_section_permits_loopback_only() -> None:
    built = acl.build(None)
    decided = {source: built.decide(source) for source in ("127.0.0.1", "::1", "192.0.2.1", "::2")}
    assert decided == {
        "127.0.0.1": "permit",
        "::1": "permit",
        "192.0.2.1": "refuse",
        "::2": "refuse",
    }


@pytest.mark.parametrize("others", ["refuse", "drop"])
def test_acl_permits_clients_and_treats_others_as_told(
    config_file: Callable[[str], Path], others: str
) -> None:
    config = load(config_file(WHOLE.replace('others = "refuse"', f'others = "{others}"')))
    built = acl.build(config.acl)
    sources = ("192.0.2.200", "2001:db8:ffff::1", "192.0.3.1", "127.0.0.1")
    assert ["permit", "permit", others, others] == [built.decide(source) for source in sources]


def test_a_network_twice_and_an_address_spelt_twice_are_told_by_key(tmp_path: Path) -> None:
    path = tmp_path / "numdip.toml"
    path.write_text(
        '[server]\nlisten = ["127.0.0.1:5300", "127.0.0.1:05300"]\n'
        '[[acl.client]]\nname = "a"\nnetworks = ["10.0.0.0/8", "10.0.0.0/8"]\n'
    )
    with pytest.raises(ConfigError) as caught:
        load(str(path))
    keys = [key for key, _ in caught.value.faults]
    assert keys == ["server.listen[1]", "acl.client[0].networks[1]"]
