"""Reports of a cashier's shift and of a closed day: what came in and went out by means, what was counted."""

from collections.abc import Sequence

from hms_rt.departments.billing.model.counting import MeansCount
from hms_rt.departments.billing.model.day import DayClose, MeansTotal
from hms_rt.departments.billing.model.payment import Shift
from hms_rt.departments.billing.views.papers import Press
from hms_rt.paper.document import Column, Document, Grid


def shift(press: Press, one: Shift, totals: Sequence[MeansCount], by: str) -> Document:
    """Of an open shift it says what there is so far."""
    words, formats = press.words, press.formats
    facts = [
        (words["counter"], one.counter),
        (words["cashier"], by),
        (words["opened"], formats.moment(one.opened_at)),
        (words["closed"], formats.moment(one.closed_at) if one.closed_at is not None else "-"),
        *((f"{words['reason']} ({words[each.means.value]})", each.reason) for each in totals if each.reason),
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


def day(press: Press, one: DayClose, by: str) -> Document:
    """What all shifts of a day took together."""
    words, formats = press.words, press.formats
    facts = [
        (words["number"], press.numbered(one.number)),
        (words["date"], formats.day(one.day)),
        (words["closed"], formats.moment(one.closed_at)),
        (words["cashier"], by),
        (words["shifts"], str(one.shifts)),
    ]
    sums = [
        (words["opening"], formats.money(one.opening_cash), False),
        (words["expected"], formats.money(one.counted - one.difference), False),
        (words["counted"], formats.money(one.counted), False),
        (words["difference"], formats.money(one.difference), True),
    ]
    return press.document(
        words["day"], None, facts, [by_means(press, one.means)], sums, signatures=[words["signed"]]
    )


def by_means(press: Press, totals: Sequence[MeansTotal | MeansCount]) -> Grid:
    """What came in and went out by each means of payment, what should be there, and what was counted."""
    words, amount = press.words, press.formats.amount
    columns = [
        Column(words["means"], 34),
        *(
            Column(words[name], 28, number=True)
            for name in ("received", "given_back", "expected", "counted", "difference")
        ),
    ]
    rows = [
        [
            words[one.means.value],
            amount(one.received),
            amount(one.given_back),
            amount(one.expected),
            amount(one.counted) if one.counted is not None else "",
            amount(one.difference) if one.difference is not None else "",
        ]
        for one in totals
    ]
    return Grid(columns, rows, words["by_means"])
