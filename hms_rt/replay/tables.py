"""A report as tables on a terminal."""

from rich.console import Console
from rich.table import Table

from hms_rt.replay.report import Outcome, Report

OUTCOMES = tuple(Outcome)


def show(report: Report, console: Console) -> None:
    """Print the counts, the reasons, the irregular cases and the rates."""
    console.print(_activities(report))
    if report.reasons():
        console.print(_reasons(report))
    for title, cases in report.irregular.items():
        console.print(f"[bold]{len(cases)} {title}:[/] {', '.join(cases)}", highlight=False)
    for what, number in report.endings.most_common():
        console.print(f"After the last row of a case: {number} × {what}")
    for what, number in sorted(report.counts.items()):
        console.print(f"{number:,} × {what}")
    console.print(_rates(report))
    if report.broken_off is not None:
        console.print(
            f"[bold red]Broken off:[/] {report.broken_off}. Run it again: what was done is not redone."
        )


def _activities(report: Report) -> Table:
    table = Table(title=f"{report.rows:,} events")
    table.add_column("activity")
    for outcome in OUTCOMES:
        table.add_column(outcome.value, justify="right")
    for activity, counted in report.by_activity().items():
        table.add_row(activity, *(f"{counted[o]:,}" if counted[o] else "" for o in OUTCOMES))
    table.add_section()
    table.add_row("all", *(f"{report.count(outcome):,}" for outcome in OUTCOMES), style="bold")
    return table


def _reasons(report: Report) -> Table:
    table = Table(title="Not applied")
    for column in ("outcome", "activity", "reason"):
        table.add_column(column)
    table.add_column("events", justify="right")
    for (outcome, activity, reason), number in report.reasons().most_common():
        table.add_row(outcome.value, activity, reason, f"{number:,}")
    return table


def _rates(report: Report) -> str:
    seconds = max(report.seconds, 0.001)
    return (
        f"{report.seconds:,.1f} s: {report.rows / seconds:,.0f} events/s, "
        f"{report.requests:,} requests ({report.requests / seconds:,.0f}/s), {report.retries:,} retries"
    )
