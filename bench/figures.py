"""Finding figures in the results, and writing them for people."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Results = Mapping[str, Any]
Form = Callable[[float], str]

DASH = "–"


def at(results: Results, path: str) -> float | None:
    """A figure by its path below the scenarios, names between slashes; None where there is none."""
    found: Any = results.get("scenarios", {})
    for name in path.split("/"):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return float(found) if isinstance(found, int | float) else None


def told(value: float | None, form: Form) -> str:
    """``value`` in its form, or a dash."""
    return DASH if value is None else form(value)


def thousands(value: float) -> str:
    """215 k"""
    return f"{value / 1000:,.0f} k"


def plain(value: float) -> str:
    """1,400"""
    return f"{value:,.0f}"


def tenths(value: float) -> str:
    """17.7"""
    return f"{value:,.1f}"


def milliseconds(value: float) -> str:
    """7.1 ms"""
    return f"{value:,.1f} ms"


def microseconds(value: float) -> str:
    """7.1 ms, of 7,100 microseconds."""
    return f"{value / 1000:,.1f} ms"


def seconds(value: float) -> str:
    """3.2 s"""
    return f"{value:.1f} s"


def percent(value: float) -> str:
    """97 %, of 0.97."""
    return f"{100 * value:.0f} %"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
