"""Plots as SVG, drawn by hand: bars by group, and lines over a logarithmic axis."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 44, 76
COLOURS = ("#9aa0a6", "#0b6e4f", "#1f4e8c", "#5fb49c", "#7fa6d6", "#c0572b", "#8a5a9e")

Series = Sequence[tuple[str, Sequence[float | None]]]


def _text(x: float, y: float, said: str, *, anchor: str = "middle", size: int = 12, weight: int = 400) -> str:
    look = f'text-anchor="{anchor}" font-size="{size}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{escape(said)}</text>'


def _page(title: str, parts: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" role="img" font-family="system-ui, sans-serif" fill="#222">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            _text(WIDTH / 2, 24, title, size=15, weight=600),
            *parts,
            "</svg>\n",
        ]
    )


def _legend(names: Sequence[str], colours: Sequence[str]) -> list[str]:
    """Two rows of names below the plot."""
    parts = []
    columns = math.ceil(len(names) / 2)
    step = (WIDTH - LEFT - RIGHT) / max(1, columns)
    for number, (name, colour) in enumerate(zip(names, colours, strict=False)):
        x, y = LEFT + number % columns * step, HEIGHT - 30 + number // columns * 18
        parts.append(f'<rect x="{x:.1f}" y="{y - 10}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(x + 17, y, name, anchor="start"))
    return parts


def _rule(y: float, said: str) -> list[str]:
    line = f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
    return [line, _text(LEFT - 8, y + 4, said, anchor="end")]


def short(value: float) -> str:
    """1,500,000 as 1.5 M, 20,000 as 20 k."""
    for bound, letter in ((1e6, " M"), (1e3, " k")):
        if value >= bound:
            return f"{value / bound:.3g}{letter}"
    return f"{value:.3g}"


def _ceiling(value: float) -> float:
    """The next round number above ``value``."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value)


def bars(title: str, groups: Sequence[str], series: Series) -> str:
    """A bar per group and series; ``None`` leaves a gap."""
    top = _ceiling(max((value for _, values in series for value in values if value), default=1.0))
    height, width = HEIGHT - TOP - BOTTOM, (WIDTH - LEFT - RIGHT) / len(groups)
    bar = width * 0.86 / len(series)
    parts = []
    for quarter in range(5):
        parts += _rule(TOP + height * (1 - quarter / 4), short(top * quarter / 4))
    for index, group in enumerate(groups):
        left = LEFT + index * width + width * 0.07
        parts.append(_text(LEFT + (index + 0.5) * width, HEIGHT - BOTTOM + 18, group))
        for number, (_, values) in enumerate(series):
            value = values[index]
            if value is None:
                continue
            tall = height * value / top
            x, y = left + number * bar, TOP + height - tall
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar * 0.9:.1f}" height="{tall:.1f}" '
                f'fill="{COLOURS[number % len(COLOURS)]}"/>'
            )
            parts.append(_text(x + bar * 0.45, y - 3, short(value), size=9))
    return _page(title, [*parts, *_legend([name for name, _ in series], COLOURS)])


def lines(title: str, across: Sequence[float], series: Series, unit: str) -> str:
    """A line per series, costs from zero upwards over a logarithmic axis: flat where a cost does not grow."""
    top = _ceiling(max((value for _, several in series for value in several if value), default=1.0))
    height, width = HEIGHT - TOP - BOTTOM, WIDTH - LEFT - RIGHT - 30
    first, span = math.log10(across[0]), max(1e-9, math.log10(across[-1]) - math.log10(across[0]))

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + 15 + width * (math.log10(x) - first) / span, TOP + height * (1 - y / top)

    parts = []
    for quarter in range(5):
        parts += _rule(TOP + height * (1 - quarter / 4), f"{short(top * quarter / 4)} {unit}")
    parts += [_text(place(x, 0)[0], HEIGHT - BOTTOM + 18, short(x)) for x in across]
    for number, (_, several) in enumerate(series):
        colour = COLOURS[1 + number % (len(COLOURS) - 1)]
        points = [place(x, y) for x, y in zip(across, several, strict=True) if y is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
    return _page(title, [*parts, *_legend([name for name, _ in series], COLOURS[1:])])


def drawn(results: Mapping[str, Any]) -> dict[str, str]:
    """Every plot that the results have figures for, by file name."""
    scenarios = results["scenarios"]
    plots = {}
    if sizes := scenarios.get("fanout", {}).get("sizes"):
        titles = {key: subject["title"] for each in sizes.values() for key, subject in each.items()}
        series = [
            (title, [each.get(key, {}).get("frames_per_s") for each in sizes.values()])
            for key, title in titles.items()
        ]
        groups = [f"{int(size):,} sockets" for size in sizes]
        plots["fanout.svg"] = bars("Frames delivered per second", groups, series)
    if points := scenarios.get("rooms", {}).get("points"):
        series = [("server time per broadcast to 200 sockets", [p["us_per_broadcast"] for p in points])]
        title = "Cost of a broadcast by number of other rooms followed"
        plots["rooms.svg"] = lines(title, [p["rooms"] for p in points], series, "µs")
    if points := scenarios.get("history", {}).get("points"):
        names = ("subscribe", "resume", "sweep", "commit")
        series = [(name, [p[name] for p in points]) for name in names]
        title = "Cost by rows in the change log"
        plots["history.svg"] = lines(title, [p["rows"] for p in points], series, "ms")
    return plots
