"""The record as a page: tables, and plots beside it."""

from __future__ import annotations

import os
from typing import Any

import plots
from measure import DISTURBED, RELOADING
from plots import COLOURS, GREY, Bar, Line

HEADING = """\
# numdip beside other DNS servers

`make bench-peers` makes this page{quick}. All serve the same plan with one worker on one CPU. The
load runs on the other, never sleeps, asks for names that are all different, nine in ten of which
exist, and judges every answer in full: id, question, response code, owner, RDATA. Medians of
interleaved rounds ({rounds} of {seconds:g} s each), ranges in brackets. *µs* is CPU time of the
server's processes for an answer. *Floor* is the cheapest reflector in the same rounds, a program
that receives, appends a fixed answer and sends: by one call for each datagram, by recvmmsg and
sendmmsg, answers coalesced (UDP_SEGMENT), queries too (UDP_GRO), with rests of 50 µs in which
queries gather, or by io_uring. {under_way} queries are under way at any time, over all sockets.
"""
TITLES = {
    "udp-4": "UDP, 4 sockets",
    "udp-64": "UDP, 64 sockets",
    "tcp-4": "TCP, 4 connections",
    "udp-4-coalesced": "UDP, 4 sockets, coalesced queries",
}
#: Use of its CPU below which a server was not what limited the rate.
BUSY = 0.95

Row = dict[str, Any]


def written(record: Row, folder: str, name: str) -> str:
    """Writes the page and its plots; gives the page."""
    pictures = {f"{name}-cpu.svg": cpu_plot(record), f"{name}-latency.svg": latency_plot(record)}
    for file_name, picture in pictures.items():
        with open(os.path.join(folder, file_name), "w") as file:
            file.write(picture)
    text = as_text(record, *pictures)
    with open(os.path.join(folder, f"{name}.md"), "w") as file:
        file.write(text)
    return text


def as_text(record: Row, cpu: str, latency: str) -> str:
    quick = " with `QUICK=1`, for a look only" if record["quick"] else ""
    scenario = record["scenarios"]["udp-4"]
    head = HEADING.format(
        quick=quick,
        rounds=record["rounds"],
        seconds=record["seconds"],
        under_way=scenario["sockets"] * scenario["window"],
    )
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    place = f"{record['cpus']} CPUs {record['cpu']}, Linux {record['kernel']}"
    changed = ", with changes" if record["changed"] else ""
    lines = [
        head,
        f"{record['date']}, commit {record['commit']}{changed}. {place}. {versions}.",
    ]
    if record["note"]:
        lines += ["", record["note"]]
    plan = {
        "numbers": f"{record['numbers']:,} ported numbers",
        "prefixes": f"{record['prefixes']:,} prefixes (wildcards)",
    }
    for key, rows in record["throughput"].items():
        lines += ["", f"## {plan[key]}", "", *throughput(record, rows)]
    lines += ["", f"![CPU time for an answer]({cpu})", ""]
    lines += [f"## Start, memory, reload: {plan['numbers']}", "", *life(record), ""]
    lines += ["## Latency", "", *latency_lines(record), "", f"![Latency]({latency})", ""]
    lines += ["## Overload", "", *overload(record), "", "## The load beside dnsperf", ""]
    return "\n".join([*lines, *dnsperf(record), ""])


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def ranged(value: dict[str, float], form: str) -> str:
    low, middle, high = (format(value[key], form) for key in ("low", "median", "high"))
    return f"{middle} ({low}..{high})"


# ---------- Throughput ---------------------------------------------------------------------------


def found(rows: list[Row], server: str, scenario: str) -> Row | None:
    return next((r for r in rows if (r["server"], r["scenario"]) == (server, scenario)), None)


def cheapest(rows: list[Row], scenario: str, *, floor: bool) -> float:
    """The least CPU time of the floor, or of numdip's peers."""
    costs = [
        row["cpu_us"]["median"]
        for row in rows
        if row["scenario"] == scenario and row["floor"] == floor and row["server"] != "numdip"
    ]
    return min(costs, default=float("nan"))


def throughput(record: Row, rows: list[Row]) -> list[str]:
    scenarios = list(record["scenarios"])
    heads = [""]
    for scenario in scenarios:
        heads += [f"{TITLES[scenario]}: queries/s", "µs", "of floor"]
    lines = []
    for server in dict.fromkeys(row["server"] for row in rows):
        cells = [server]
        for scenario in scenarios:
            row = found(rows, server, scenario)
            if row is None:
                cells += ["", "", ""]
                continue
            times = row["cpu_us"]["median"] / cheapest(rows, scenario, floor=True)
            mark = "\\*" if row["others"]["high"] > DISTURBED else ""
            mark += " †" if row["server_busy"]["median"] < BUSY else ""
            cells += [
                ranged(row["qps"], ",.0f") + mark,
                ranged(row["cpu_us"], ".2f"),
                f"{times:.2f}",
            ]
        lines.append(cells)
    text = table(heads, lines)
    for scenario in scenarios:
        own = found(rows, "numdip", scenario)
        peer = cheapest(rows, scenario, floor=False)
        if own is not None and peer == peer:  # noqa: PLR0124 - not a number without peers
            share = own["cpu_us"]["median"] / peer
            text += [
                "",
                f"{TITLES[scenario]}: numdip takes {share:.2f} of the best peer's CPU time.",
            ]
    lost = {row["server"]: row["lost"] for row in rows if row["lost"]}
    answered = sum(row["answered"] for row in rows)
    text += ["", f"{answered:,} answers, all right. Lost queries: {lost or 'none'}."]
    if any(row["others"]["high"] > DISTURBED for row in rows):
        text += ["", f"\\* Other programs took more than {DISTURBED:.0%} of a CPU in some round."]
    if any(row["server_busy"]["median"] < BUSY for row in rows):
        text += ["", "† It could have answered more: it waited for the load now and then."]
    return text


def cpu_plot(record: Row) -> str:
    panels = []
    for plan, rows in record["throughput"].items():
        for scenario in record["scenarios"]:
            bars = [bar(record, row) for row in rows if row["scenario"] == scenario]
            panels.append((f"{plan}, {TITLES[scenario]}: CPU µs for an answer", bars))
    return plots.bars(panels, len(record["scenarios"]))


def bar(record: Row, row: Row) -> Bar:
    cost = row["cpu_us"]
    colour = GREY if row["floor"] else colours(record)[row["server"]]
    return Bar(row["server"], cost["median"], cost["low"], cost["high"], colour)


def colours(record: Row) -> dict[str, str]:
    names = (row["server"] for row in record["start"])
    return dict(zip(names, COLOURS, strict=False))


# ---------- The rest -----------------------------------------------------------------------------


def life(record: Row) -> list[str]:
    heads = ["", "start to first answer, s", "resident MB", "octets a number"]
    heads += ["reload, s", "prepared in, s", "longest gap, ms", "lost of sent", "peak MB"]
    reloads = {row["server"]: row for row in record["reload"]}
    lines = []
    for row in record["start"]:
        again = reloads[row["server"]]
        lines.append(
            [
                row["server"],
                f"{row['seconds']:.2f}",
                f"{row['octets'] / 1e6:,.0f}",
                f"{row['octets_each']:,.1f}",
                f"{again['seconds']:.3f}",
                f"{again['prepared_seconds']:.2f}",
                f"{again['longest_gap_ms']:.1f}",
                f"{again['lost']:,} of {again['sent']:,}",
                f"{again['octets_peak'] / 1e6:,.0f}",
            ]
        )
    note = (
        "Octets a number are above what the server takes with an empty plan. Reload: one number's "
        f"network is changed under {RELOADING:,.0f} queries a second, or half of what the server "
        "can do, from the signal to the new answer; preparing is writing the zone, and building "
        "the snapshot for numdip."
    )
    return [*table(heads, lines), "", note]


def latency_lines(record: Row) -> list[str]:
    heads = ["", "queries/s", "p50 µs", "p99 µs", "p99.9 µs"]
    lines = [
        [
            f"{row['server']}, {row['scenario'].partition('-')[0].upper()}",
            f"{row['qps']['median']:,.0f}",
            *(ranged(row["latency_us"][at], ",.0f") for at in ("p50", "p99", "p99.9")),
        ]
        for row in record["latency"]
        if row["share"] == 0.5
    ]
    note = "At half of the queries a second that each server reaches, from when each query was due."
    return [note, "", *table(heads, lines)]


def latency_plot(record: Row) -> str:
    lines = []
    for server, colour in colours(record).items():
        rows = [r for r in record["latency"] if (r["server"], r["scenario"]) == (server, "udp-4")]
        for at, dashed in (("p99", False), ("p50", True)):
            points = [(r["qps"]["median"], r["latency_us"][at]["median"]) for r in rows]
            lines.append(Line(f"{server} {at}", points, colour, dashed))
    return plots.curves("UDP, 4 sockets: latency by load", "queries/s", "µs", lines)


def overload(record: Row) -> list[str]:
    heads = [
        "",
        "s",
        "asked/s",
        "of capacity",
        "answered/s",
        "of peak",
        "MB before, peak, after",
    ]
    lines = []
    for row in record["overload"]:
        memory = ", ".join(
            f"{row[key] / 1e6:,.1f}" for key in ("octets_before", "octets_peak", "octets_after")
        )
        lines.append(
            [
                row["server"],
                f"{row['seconds']:g}",
                f"{row['offered_qps']:,.0f}",
                f"{row['offered']:.0%}",
                f"{row['qps']:,.0f}",
                f"{row['share_of_peak']:.0%}",
                memory,
            ]
        )
    note = "Queries leave coalesced here (UDP_SEGMENT), or one CPU could not ask so many."
    return [*table(heads, lines), "", note]


def dnsperf(record: Row) -> list[str]:
    if not record["dnsperf"]:
        return ["dnsperf is not there."]
    heads = ["", "load: queries/s", "µs", "dnsperf: queries/s", "µs"]
    lines = [
        [
            row["server"],
            f"{row['qps']:,.0f}",
            f"{row['cpu_us']:.2f}",
            f"{row['dnsperf_qps']:,.0f}",
            f"{row['dnsperf_cpu_us']:.2f}",
        ]
        for row in record["dnsperf"]
    ]
    note = (
        "One after the other, as many sockets and queries under way. dnsperf sends by single calls "
        "and sleeps, so servers get smaller batches from it and pay for waking it."
    )
    return [*table(heads, lines), "", note]
