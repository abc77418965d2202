"""From results to tables, plots and the README."""

from typing import Any
from xml.etree import ElementTree

import pytest

from bench import plots, report
from bench.goals import goals_table


def _fanout(ours: float, node: float) -> dict[str, Any]:
    return {
        "hms": {"title": "hms-rt", "frames_per_s": ours, "server_us_per_frame": 4.4},
        "node": {"title": "Node socket.io", "frames_per_s": node, "server_us_per_frame": 6.1},
    }


BUSY = {"frames_per_s": 150e3, "lat_p99_us": 70e3}
RESULTS: dict[str, Any] = {
    "machine": {"processor": "some, 2 cores", "pinned": "server on core 0", "kernel": "Linux"},
    "options": {"quick": False, "rounds": 3, "seconds": 4.0},
    "scenarios": {
        "fanout": {"sizes": {"100": _fanout(245e3, 178e3), "1000": _fanout(215e3, 163e3)}},
        "saturation": {
            "subjects": {
                "hms-merged": {"title": "hms-rt", "ops_per_s": 1.6e6, "changes_per_s": 5e6, **BUSY},
                "node": {"title": "Node socket.io", "changes_per_s": 150e3, **BUSY},
            },
            "closed": {"node": {"changes_per_s": 160e3}},
        },
        "hold": {"subjects": {"hms-merged": {"hold_max_ms": 12.0}}},
        "rooms": {
            "points": [
                {"rooms": 1, "us_per_broadcast": 900.0, "idle_cpu": 0.01},
                {"rooms": 10_000, "us_per_broadcast": 910.0, "idle_cpu": 0.02},
            ]
        },
        "history": {
            "points": [
                {"rows": 1000, "subscribe": 2.0, "resume": 4.0, "sweep": 1.0, "commit": 5.0},
                {"rows": 1_000_000, "subscribe": 2.1, "resume": 4.1, "sweep": 1.0, "commit": 5.2},
            ]
        },
    },
    "failures": ["storm: it did not end"],
}


def _line(table: str, title: str) -> list[str]:
    (found,) = [line for line in table.splitlines() if line.startswith(f"| {title}")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_a_goal_is_judged_by_its_ratio_or_by_itself() -> None:
    table = goals_table(RESULTS)
    frames = _line(table, "frames/s to 1,000 sockets |")
    assert frames[1:] == ["215 k", "163 k", "1.32 ×", "≥ 1.3 ×", "yes"]
    assert _line(table, "longest hold")[-2:] == ["≤ 10.0 ms", "**no**"]


def test_node_s_best_figure_counts() -> None:
    assert _line(goals_table(RESULTS), "changes delivered")[2:4] == ["160 k", "10.00 ×"]


def test_what_was_not_measured_is_a_dash_and_no_failure() -> None:
    assert _line(goals_table(RESULTS), "p99 of delivery")[1:] == ["–", "–", "–", "≤ 0.7 ×", "–"]
    assert _line(report.peers_table(RESULTS), "Node socket.io")[3] == "–"


def test_the_page_tells_what_failed() -> None:
    assert "- storm: it did not end" in report.page(RESULTS, [])


def test_every_plot_is_well_formed() -> None:
    drawn = plots.drawn(RESULTS)
    assert set(drawn) == {"fanout.svg", "rooms.svg", "history.svg"}
    for content in drawn.values():
        assert ElementTree.fromstring(content).tag.endswith("svg")


def test_the_readme_keeps_what_is_around_the_marks() -> None:
    before = f"# Title\n{report.BEGIN}\nof last year\n{report.END}\nafter\n"
    made = report.into_readme(before, RESULTS, ["fanout.svg"])
    assert made.startswith("# Title\n")
    assert made.endswith("after\n")
    assert "of last year" not in made
    assert "](docs/bench/fanout.svg)" in made
    assert report.into_readme(made, RESULTS, ["fanout.svg"]) == made


def test_a_readme_without_marks_is_left_alone() -> None:
    with pytest.raises(ValueError, match="bench:begin"):
        report.into_readme("# Title\n", RESULTS, [])
