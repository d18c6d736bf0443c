"""NAPTR records in plans: from a CSV file to look-ups and to what a server answers."""

from __future__ import annotations

import json
from pathlib import Path

import dns.message
import pytest

import numdip
from conftest import Command
from numdip.plan import apply, build, compact

RECORDS = r"""name,order,preference,flags,services,regexp,replacement,ttl
+441632960083,100,20,u,E2U+email:mailto,!^.*$!mailto:info@example.com!,,600
+441632960083,100,10,u,E2U+sip,!^.*$!sip:info@example.com!,.,300
*.4.4.e164.arpa,100,10,u,E2U+sip,!^\+44(.*)$!sip:\1@gw.example!,,
"""


@pytest.fixture
def snapshot(tmp_path: Path) -> numdip.Snapshot:
    """A plan of one range and three records."""
    (tmp_path / "records.csv").write_text(RECORDS)
    (tmp_path / "ranges.csv").write_text("prefix,mcc,mnc\n447786,234,15\n")
    inputs = [str(tmp_path / "records.csv"), str(tmp_path / "ranges.csv")]
    built = build(inputs, str(tmp_path / "plan.snap"))
    assert (built.records, built.ranges) == (3, 1)
    return numdip.open(str(tmp_path / "plan.snap"))


def test_records_are_looked_up_in_the_order_in_which_they_are_tried(
    snapshot: numdip.Snapshot,
) -> None:
    own = snapshot.records("+441632960083")
    assert [record.apply("+441632960083") for record in own] == [
        "sip:info@example.com",
        "mailto:info@example.com",
    ]
    (rule,) = snapshot.records("441632960084")
    assert rule.apply("+441632960084") == "sip:1632960084@gw.example"
    # The range's network is named for more of its digits.
    assert snapshot.records("+447786852522") == []
    assert snapshot.stats()["records"] == 2


def test_server_answers_with_the_records_of_a_number(snapshot: numdip.Snapshot) -> None:
    responder = numdip.Responder(snapshot)
    query = dns.message.make_query(numdip.to_domain("+441632960083"), "NAPTR", use_edns=False)
    reply = responder.respond(query.to_wire(), source="127.0.0.1")
    assert reply is not None
    (answer,) = dns.message.from_wire(reply).answer
    assert answer.ttl == 300
    assert sorted(record.preference for record in answer) == [10, 20]


def test_lookup_shows_records(snapshot: numdip.Snapshot, numdip_command: Command) -> None:
    done = numdip_command("lookup", "+441632960084", "--plan", snapshot.path)
    assert done.returncode == 0
    assert done.stdout.split(maxsplit=1)[0] == "+441632960084"
    assert r"sip:\\1@gw.example" in done.stdout
    done = numdip_command("lookup", "+441632960083", "--json", "--plan", snapshot.path)
    assert [json.loads(line)["records"][0] for line in done.stdout.splitlines()] == [
        '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .'
    ]


@pytest.mark.parametrize("explain", [[], ["--explain"]])
def test_lookup_finds_a_number_that_has_records_only(
    snapshot: numdip.Snapshot, numdip_command: Command, explain: list[str]
) -> None:
    numbers = ["+441632960084", "+447786852522", "+33123"]
    done = numdip_command("lookup", *numbers, "--json", *explain, "--plan", snapshot.path)
    rule, network, missing = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert (rule["found"], rule["published"], len(rule["records"])) == (True, "records", 1)
    assert "mcc" not in rule
    assert ("reason" in rule) is bool(explain)
    assert "no range" not in str(rule)
    assert (network["found"], network["published"]) == (True, "network")
    assert "records" not in network
    assert (missing["found"], "published" in missing) == (False, False)
    assert "no range" in missing["reason"]
    alone = numdip_command("lookup", numbers[0], "--json", *explain, "--plan", snapshot.path)
    assert (alone.returncode, json.loads(alone.stdout)) == (0, rule)


def test_lookup_publishes_records_before_the_network(
    tmp_path: Path, numdip_command: Command
) -> None:
    (tmp_path / "records.csv").write_text(RECORDS)
    (tmp_path / "ranges.csv").write_text("prefix,mcc,mnc\n44,234,15\n")
    plan = tmp_path / "plan.snap"
    build([str(tmp_path / "records.csv"), str(tmp_path / "ranges.csv")], str(plan))
    done = numdip_command("lookup", "+441632960084", "--json", "--plan", plan)
    found = json.loads(done.stdout)
    assert (found["found"], found["published"], found["mnc"]) == (True, "records", "15")
    assert len(found["records"]) == 1
    told = numdip_command("lookup", "+441632960084", "--explain", "--plan", plan).stdout
    assert "NAPTR records" in told.splitlines()[0]
    assert "  network: mcc 234  mnc 15  " in told


def test_lookup_explains_first_that_records_are_published(
    snapshot: numdip.Snapshot, numdip_command: Command
) -> None:
    done = numdip_command("lookup", "+441632960084", "--explain", "--plan", snapshot.path)
    first, record, *_ = done.stdout.splitlines()
    assert done.returncode == 0
    assert first == "+441632960084  the plan's NAPTR records for it are what is published"
    assert record.startswith('  published: 100 10 "u" "E2U+sip"')
    done = numdip_command("lookup", "+33123", "--explain", "--plan", snapshot.path)
    assert (done.returncode, "published" in done.stdout) == (1, False)


def test_what_is_wrong_with_a_record_is_told_with_its_line(
    tmp_path: Path, numdip_command: Command
) -> None:
    rows = "name,services,regexp\n+44,E2U+sip,!^.*$!sip:a@b\n44,E2U+sip,!^.*$!sip:a@b!\n"
    (tmp_path / "records.csv").write_text(rows)
    done = numdip_command("plan", "build", tmp_path / "records.csv", "-o", tmp_path / "plan.snap")
    assert done.returncode == 1
    assert 'records.csv:2: regexp "!^.*$!sip:a@b" is no rule' in done.stderr
    assert not (tmp_path / "plan.snap").exists()


def test_rules_without_a_column_of_flags_end_in_a_uri(tmp_path: Path) -> None:
    rows = "name,services,regexp,replacement\n+44,E2U+sip,!^.*$!sip:a@b!,\n+43,,,next.example\n"
    (tmp_path / "records.csv").write_text(rows)
    build([str(tmp_path / "records.csv")], str(tmp_path / "plan.snap"))
    db = numdip.open(str(tmp_path / "plan.snap"))
    assert [db.records(number)[0].flags for number in ("+44", "+43")] == ["u", ""]


def test_diff_counts_owners_whose_records_came_went_and_changed(
    tmp_path: Path, snapshot: numdip.Snapshot, numdip_command: Command
) -> None:
    changed = RECORDS.replace("info@example.com", "other@example.com").replace("*.4.4", "*.9.4")
    (tmp_path / "records.csv").write_text(changed)
    inputs = [str(tmp_path / "records.csv"), str(tmp_path / "ranges.csv")]
    build(inputs, str(tmp_path / "other.snap"))
    done = numdip_command("plan", "diff", snapshot.path, tmp_path / "other.snap")
    assert done.returncode == 1
    assert "DNS records: 1 owners added, 1 removed, 1 changed" in done.stdout
    same = numdip_command("plan", "diff", snapshot.path, snapshot.path)
    assert same.returncode == 0


def test_layers_and_compaction_leave_records_as_they_are(
    tmp_path: Path, snapshot: numdip.Snapshot
) -> None:
    (tmp_path / "delta.csv").write_text("number,action,mcc,mnc\n+441632960084,add,234,30\n")
    apply(snapshot.path, [str(tmp_path / "delta.csv")])
    for opened in (numdip.open(snapshot.path), _compacted(snapshot.path)):
        assert opened.record_sets() == snapshot.record_sets()
        # A ported number is named by all of its digits, the rule by two.
        assert opened.records("+441632960084") == []
        assert len(opened.records("+441632960085")) == 1
        opened.verify()


def _compacted(path: str) -> numdip.Snapshot:
    compact(path)
    return numdip.open(path)
