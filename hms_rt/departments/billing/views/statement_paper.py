"""The statement of account on paper."""

from datetime import date, datetime
from decimal import Decimal

from hms_rt.departments.billing.model.statement import Entry, Statement, StatementKind
from hms_rt.departments.billing.views.papers import Addressee, Press
from hms_rt.paper.document import Column, Document, Grid

_TITLES = {
    StatementKind.INVOICE: "final",
    StatementKind.CREDIT_NOTE: "credit_note",
    StatementKind.PAYMENT: "receipt",
    StatementKind.SETTLEMENT: "settled",
    StatementKind.REFUND: "refund",
}


def statement(
    press: Press,
    one: Statement,
    to: Addressee,
    period: tuple[date | None, date],
    now: datetime,
    unbilled: Decimal,
) -> Document:
    """What was owed before, every paper with the balance after it, and what is owed; and what is not billed.

    ``period`` is the first and last day; None stands for the beginning.
    """
    words, formats = press.words, press.formats
    since, until = period
    days = f"{formats.day(since) if since is not None else ''} – {formats.day(until)}".strip()
    columns = [
        Column(words["date"], 42),
        Column(words["entry"], 64),
        Column(words["amount"], 34, number=True),
        Column(words["balance"], 34, number=True),
    ]
    rows = [
        [
            formats.moment(entry.at),
            _told(press, entry),
            formats.amount(entry.amount),
            formats.amount(entry.balance),
        ]
        for entry in one.entries
    ]
    sums = [
        (words["opening_balance"], formats.money(one.opening), False),
        (words["closing_balance"], formats.money(one.closing), True),
        *([(words["unbilled"], formats.money(unbilled), False)] if unbilled else []),
    ]
    facts = [(words["period"], days), (words["date"], formats.moment(now))]
    return press.document(words["statement"], to, facts, [Grid(columns, rows)], sums)


def _told(press: Press, entry: Entry) -> str:
    """What it is, under which number; of what a deposit settles, how much."""
    words = press.words
    number = f"{entry.facility}-{entry.number}" if entry.number is not None else "-"
    if entry.kind is StatementKind.VOID:
        return f"{words['final']} {number}: {words['void']}"
    told = f"{words[_TITLES[entry.kind]]} {number}"
    return f"{told}: {press.formats.amount(entry.settled)}" if entry.settled else told
