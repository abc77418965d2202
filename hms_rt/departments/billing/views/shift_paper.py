"""The report of a cashier's shift: what came in and went out by means, and what was counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from hms_rt.departments.billing.model.payment import Means, Shift
from hms_rt.departments.billing.views.papers import Press
from hms_rt.paper.document import Column, Document, Grid


@dataclass(frozen=True, slots=True)
class MeansTotal:
    """What was received and given back by one means."""

    means: Means
    received: Decimal
    given_back: Decimal


def shift(press: Press, one: Shift, totals: Sequence[MeansTotal], by: str) -> Document:
    """Of an open shift it says what there is so far."""
    words, formats = press.words, press.formats
    facts = [
        (words["counter"], one.counter),
        (words["cashier"], by),
        (words["opened"], formats.moment(one.opened_at)),
        (words["closed"], formats.moment(one.closed_at) if one.closed_at is not None else "-"),
        *([(words["reason"], one.reason)] if one.reason else []),
    ]
    sums = [
        (words["opening"], formats.money(one.opening_cash), False),
        (words["expected"], formats.money(one.cash), False),
    ]
    if one.counted is not None and one.difference is not None:
        sums.append((words["counted"], formats.money(one.counted), False))
        sums.append((words["difference"], formats.money(one.difference), True))
    return press.document(
        words["shift"], None, facts, [by_means(press, totals)], sums, signatures=[words["signed"]]
    )


def by_means(press: Press, totals: Sequence[MeansTotal]) -> Grid:
    """What came in and went out by each means of payment."""
    words, amount = press.words, press.formats.amount
    columns = [
        Column(words["means"], 54),
        *(Column(words[name], 40, number=True) for name in ("received", "given_back", "total")),
    ]
    rows = [
        [
            words[one.means.value],
            amount(one.received),
            amount(one.given_back),
            amount(one.received - one.given_back),
        ]
        for one in totals
    ]
    return Grid(columns, rows, words["by_means"])
