"""What was asked for, beside what was measured."""

from dataclasses import dataclass

from bench.figures import (
    DASH,
    Form,
    Results,
    at,
    microseconds,
    milliseconds,
    plain,
    seconds,
    table,
    tenths,
    thousands,
    told,
)


@dataclass(frozen=True)
class Goal:
    """One line: the path of our figure, those of Node's (the best of them counts), and the bound.

    With ``ratio`` the bound is on ours / Node's, else on ours. ``least`` bounds from below.
    """

    title: str
    ours: str
    bound: float
    form: Form
    node: tuple[str, ...] = ()
    ratio: bool = True
    least: bool = True

    def row(self, results: Results) -> list[str]:
        """Title, ours, Node's, the ratio, what was asked for and whether it was reached."""
        ours = at(results, self.ours)
        known = [value for path in self.node if (value := at(results, path)) is not None]
        node = max(known, default=None)
        ratio = ours / node if ours is not None and node else None
        figure = ratio if self.ratio else ours
        sign = "≥" if self.least else "≤"
        asked = f"{sign} {self.bound:g} ×" if self.ratio else f"{sign} {self.form(self.bound)}"
        return [
            self.title,
            told(ours, self.form),
            told(node, self.form),
            told(ratio, lambda value: f"{value:.2f} ×"),
            asked,
            DASH if figure is None else self._verdict(figure),
        ]

    def _verdict(self, figure: float) -> str:
        reached = figure >= self.bound if self.least else figure <= self.bound
        return "yes" if reached else "**no**"


def _frames(title: str, sockets: int, bound: float, *, redis: str = "") -> Goal:
    path = f"fanout/sizes/{sockets}/"
    ours, node = f"{path}hms{redis}/frames_per_s", f"{path}node{redis}/frames_per_s"
    return Goal(title, ours, bound, thousands, (node,))


def _most(title: str, ours: str, bound: float, form: Form, node: tuple[str, ...] = ()) -> Goal:
    return Goal(title, ours, bound, form, node, ratio=False, least=False)


GOALS = (
    _frames("frames/s to 1,000 sockets", 1000, 1.3),
    _frames("frames/s to 5,000 sockets", 5000, 1.6),
    _frames("frames/s to 1,000 sockets, changes through Redis", 1000, 1.3, redis="-redis"),
    Goal(
        "changes delivered/s to 1,000 sockets at saturation",
        "saturation/subjects/hms-merged/ops_per_s",
        5,
        thousands,
        ("saturation/subjects/node/changes_per_s", "saturation/closed/node/changes_per_s"),
    ),
    Goal(
        "p99 of delivery, 1,000 sockets × 20 changes/s",
        "latency/subjects/hms-merged/lat_p99_us",
        0.7,
        microseconds,
        ("latency/subjects/node/lat_p99_us",),
        least=False,
    ),
    _most(
        "longest hold of the event loop, broadcasts to 5,000",
        "hold/subjects/hms-merged/hold_max_ms",
        10,
        milliseconds,
        ("hold/subjects/node/hold_max_ms",),
    ),
    _most("commit to the last of 1,000 screens, p50", "commit/screens/1000/commit_p50_ms", 15, milliseconds),
    _most("commit to the last of 1,000 screens, p99", "commit/screens/1000/commit_p99_ms", 50, milliseconds),
    Goal(
        "connect + cookie + subscribe + snapshot, a second (Node: connect alone)",
        "idle/subjects/hms/connect_rate",
        1,
        plain,
        ("idle/subjects/node/connect_rate",),
    ),
    Goal(
        "KiB per idle subscribed socket",
        "idle/subjects/hms/rss_per_conn_kb",
        1,
        tenths,
        ("idle/subjects/node/rss_per_conn_kb",),
        least=False,
    ),
    _most("5,000 screens come back after a crash, all current", "storm/sizes/5000/seconds", 5, seconds),
)


def goals_table(results: Results, *, measured_only: bool = False) -> str:
    """The goals as Markdown."""
    head = ["", "hms-rt", "Node", "ratio", "asked for", "reached"]
    shown = [goal for goal in GOALS if not measured_only or at(results, goal.ours) is not None]
    return table(head, [goal.row(results) for goal in shown])
