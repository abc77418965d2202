"""The page that says what lists cost at each size, and every finding."""

from collections import defaultdict
from dataclasses import dataclass, field

from bench.decade.asking import LIMIT
from bench.decade.plans import Cost

SHARES = (0.01, 0.1, 1.0)
"""The three sizes, as shares of the full one."""


@dataclass
class Found:
    """What one request costs at each size, on its first and on a deep page."""

    first: dict[float, Cost] = field(default_factory=dict)
    deep: dict[float, Cost] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)


Results = dict[tuple[str, str, str], Found]
"""By path, request and who asks."""

WHY = (
    "A finding is a table of over 10,000 rows read whole, or that many rows read and thrown away, at full",
    "size. A list that is bounded by a time is sorted by that time, with the id where times are equal:",
    "an id says when something was recorded, and late entry is normal. A deep page beyond a `from` or",
    "`since` holds nothing and is asked for by no client.",
)


def report(results: Results, patients: int, rows: list[int]) -> str:
    """The page: the worst request of each list at each size, then every finding."""
    sizes = ", ".join(
        f"{int(patients * share):,} patients ({total:,} rows)"
        for share, total in zip(SHARES, rows, strict=True)
    )
    lines = [
        "# What lists cost as data grows",
        "",
        f"A generated hospital of ten years at three sizes: {sizes}. Made with",
        f"`python -m bench.decade --patients {patients} --update`. Every list that is declared was asked",
        "over REST with each of its filters, by somebody with every role and by a doctor of one ward and one",
        f"clinic, pages of {LIMIT}. Shown is the dearest request of each list: milliseconds in PostgreSQL",
        "(warm) of all its statements, and blocks of 8 KiB that they touched; *deep*: five years back.",
        "",
        "| List | Requests | First: ms at 1 %, 10 %, 100 % | blocks | Deep: ms | blocks |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    by_path: dict[str, list[Found]] = defaultdict(list)
    for (path, _, _), found in results.items():
        by_path[path].append(found)
    for path, several in sorted(by_path.items()):
        cells = [
            cell for page in ("first", "deep") for cell in _worst([getattr(one, page) for one in several])
        ]
        lines.append(f"| `{path}` | {len(several)} | " + " | ".join(cells) + " |")
    lines += ["", "## Findings", "", *WHY, ""]
    lines += _findings(results) or [
        "None: no table of over 10,000 rows was read whole, none filtered away that many."
    ]
    return "\n".join(lines) + "\n"


def _worst(several: list[dict[float, Cost]]) -> tuple[str, str]:
    at_full = [one for one in several if one]
    if not at_full:
        return "–", "–"
    dearest = max(at_full, key=lambda one: one[max(one)].ms)
    shown = [dearest.get(share) for share in SHARES]
    return (
        ", ".join(f"{one.ms:.1f}" if one else "–" for one in shown),
        ", ".join(f"{one.blocks:,}" if one else "–" for one in shown),
    )


def _findings(results: Results) -> list[str]:
    told = []
    for (_, name, who), found in sorted(results.items()):
        for page, costs in (("first", found.first), ("deep", found.deep)):
            cost = costs.get(SHARES[-1])
            if cost is not None and (cost.scans or cost.wasted):
                whole = ", ".join(sorted(cost.scans))
                thrown = ", ".join(f"{table} {rows:,}" for table, rows in sorted(cost.wasted.items()))
                what = "; ".join(
                    part
                    for part in (
                        f"reads {whole} whole" if whole else "",
                        f"throws away {thrown}" if thrown else "",
                    )
                    if part
                )
                told.append(
                    f"- `{name}` ({who}, {page} page, {cost.ms:.1f} ms, {cost.blocks:,} blocks): {what}"
                )
        told += [
            f"- `{name}` ({who}) could not be asked: {why}"
            for why in sorted(found.refused)
            if not why.startswith(("403", "404"))
        ]
    return told
