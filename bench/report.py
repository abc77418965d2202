"""The report, as Markdown, from what was measured. What was not measured shows as a dash."""

from collections.abc import Sequence
from pathlib import Path

from bench.figures import (
    DASH,
    Results,
    at,
    microseconds,
    milliseconds,
    percent,
    plain,
    table,
    tenths,
    thousands,
    told,
)
from bench.goals import goals_table

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
ROWS = (
    ("bare", "bare C loop that only sends"),
    ("hms", "**hms-rt**"),
    ("hms-redis", "hms-rt, changes through Redis"),
    ("hms-plain", "hms-rt, `FASTPATH=off`"),
    ("hms-shared", "hms-rt, one screen's cookie on every socket"),
    ("node", "Node socket.io"),
    ("node-redis", "Node + redis-adapter"),
    ("stock", "stock python-socketio"),
)
SIZES = ("100", "1000", "5000")
KINDS = ("subscribe", "resume", "sweep", "commit")


def peers_table(results: Results) -> str:
    """Every subject beside the others."""
    rows = []
    for key, title in ROWS:
        merged = "hms-merged" if key == "hms" else key
        row = [
            *(told(at(results, f"fanout/sizes/{size}/{key}/frames_per_s"), thousands) for size in SIZES),
            told(at(results, f"latency/subjects/{merged}/lat_p99_us"), microseconds),
            told(at(results, f"idle/subjects/{key}/connect_rate"), plain),
            told(at(results, f"idle/subjects/{key}/rss_per_conn_kb"), tenths),
            told(at(results, f"fanout/sizes/1000/{key}/server_us_per_frame"), tenths),
        ]
        if any(cell != DASH for cell in row):
            rows.append([title, *row])
    head = ["frames/s to", "100 sockets", "1,000", "5,000", "p99 at 1,000 × 20/s"]
    return table([*head, "connected/s", "KiB/socket", "CPU µs/frame at 1,000"], rows)


def details(results: Results) -> str:
    """How busy both cores were, and the memory: a client at 100 % would hide what a server can do."""
    rows = []
    for size in SIZES:
        for key, title in ROWS:
            path = f"fanout/sizes/{size}/{key}"
            if at(results, f"{path}/frames_per_s") is None:
                continue
            rows.append(
                [
                    f"{int(size):,}",
                    title,
                    told(at(results, f"{path}/frames_per_s"), plain),
                    told(at(results, f"{path}/server_us_per_frame"), tenths),
                    told(at(results, f"{path}/server_cpu"), percent),
                    told(at(results, f"{path}/client_cpu"), percent),
                    told(at(results, f"{path}/rss_end_kb"), lambda kib: f"{kib / 1024:,.0f}"),
                ]
            )
    head = ["sockets", "", "frames/s", "server CPU, µs/frame", "server CPU", "client CPU", "server MiB"]
    return table(head, rows) if rows else ""


def commits(results: Results) -> str:
    """From the numbering during COMMIT, and from just before the request, to the last screen."""
    rows = [
        [
            f"{int(screens):,}",
            *(f"{found[figure]:.1f}" for figure in ("commit_p50_ms", "commit_p99_ms")),
            *(f"{found[figure]:.1f}" for figure in ("press_p50_ms", "press_p99_ms")),
        ]
        for screens, found in results["scenarios"].get("commit", {}).get("screens", {}).items()
    ]
    head = ["screens", "commit to the last, p50 ms", "p99 ms", "PATCH sent to the last, p50 ms", "p99 ms"]
    return table(head, rows) if rows else ""


def saturation(results: Results) -> str:
    """More changes than can be sent one by one: what leaves together."""
    found = results["scenarios"].get("saturation", {}).get("subjects", {})
    rows = [
        [
            each["title"],
            *(plain(each.get(figure, each["frames_per_s"])) for figure in ("changes_per_s", "ops_per_s")),
            plain(each["frames_per_s"]),
            milliseconds(each["lat_p99_us"] / 1000),
        ]
        for each in found.values()
    ]
    head = ["10,000 changes/s offered", "changes delivered/s", "operations/s", "frames/s", "p99"]
    return table(head, rows) if rows else ""


def curves(results: Results) -> str:
    """The two curves as tables."""
    scenarios = results["scenarios"]
    rooms = [
        [plain(point["rooms"]), plain(point["us_per_broadcast"]), f"{100 * point['idle_cpu']:.1f} %"]
        for point in scenarios.get("rooms", {}).get("points", [])
    ]
    history = [
        [plain(point["rows"]), *(f"{point[kind]:.2f}" for kind in KINDS)]
        for point in scenarios.get("history", {}).get("points", [])
    ]
    parts = []
    if rooms:
        head = ["other rooms followed", "µs of server time per broadcast to 200 sockets", "CPU when idle"]
        parts.append(table(head, rows=rooms))
    if history:
        parts.append(table(["rows in the change log", *(f"{kind}, ms" for kind in KINDS)], history))
    return "\n\n".join(parts)


def page(results: Results, plots: Sequence[str]) -> str:
    """The whole report; ``plots`` are file names beside it."""
    options = results["options"]
    rounds = f"Medians of {options['rounds']} interleaved rounds of {options['seconds']:g} seconds."
    quick = " A quick run: fewer rounds and sockets." if options["quick"] else ""
    machine = table(["", ""], [[name, value] for name, value in results["machine"].items()])
    parts = [
        "# Measurements",
        f"Written by `make bench`. {rounds}{quick}",
        "## What was asked for",
        goals_table(results),
        "## Beside the peers",
        peers_table(results),
        "## CPU and memory of the fan-out",
        details(results),
        "## Commit to screens",
        commits(results),
        "## Saturation, 1,000 sockets",
        saturation(results),
        "## Curves",
        curves(results),
        _pictures(plots, ""),
        "## The machine",
        machine,
    ]
    if results["failures"]:
        parts += ["## What failed", "\n".join(f"- {failure}" for failure in results["failures"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def into_readme(readme: str, results: Results, plots: Sequence[str]) -> str:
    """``readme`` with the tables and plots between its two marks. Raises ``ValueError`` if they lack."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no {BEGIN} ... {END}")
    machine = "; ".join(f"{name}: {results['machine'][name]}" for name in ("processor", "pinned", "kernel"))
    shown = [goals_table(results), peers_table(results), _pictures(plots, "docs/bench/"), machine + "."]
    return f"{before}{BEGIN}\n\n" + "\n\n".join(shown) + f"\n\n{END}{after}"


def _pictures(plots: Sequence[str], folder: str) -> str:
    return "\n\n".join(f"![{Path(name).stem}]({folder}{name})" for name in plots)
