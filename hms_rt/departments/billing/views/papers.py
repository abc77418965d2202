"""Billing's papers, composed of finished texts: invoices, credit notes, receipts, refunds.

A restricted patient's name stands on none of them: whoever composes is told the name to show.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.estimate import Estimate
from hms_rt.departments.billing.model.invoice import Invoice, InvoiceKind, InvoiceState
from hms_rt.departments.billing.model.payment import Payment, Refund, RefundState
from hms_rt.departments.billing.model.tariff import REDUCTIONS, SELF, Amounts
from hms_rt.departments.billing.views.formats import Formats
from hms_rt.departments.billing.views.words import words
from hms_rt.paper.document import Column, Document, Grid

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who sends papers: a facility by name, address lines, tax number and what stands below."""

    facility: str
    name: str
    address: str = ""
    tax_number: str = ""
    footer: str = ""
    language: str | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a paper is about, as far as whoever prints it may know; and who pays."""

    name: str
    mrn: str
    birth_date: date | None
    payers: Sequence[str] = ()
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Press:
    """What every paper of a facility shares. ``copy`` is 0 for the original, else which copy it is."""

    issuer: Issuer
    formats: Formats
    copy: int = 0

    @property
    def words(self) -> Mapping[str, str]:
        """The words of its language."""
        return words(self.formats.language)

    def numbered(self, number: int | None) -> str:
        """A number as it is quoted: ``MAIN-12``."""
        return f"{self.issuer.facility}-{number}" if number is not None else "-"

    @property
    def stamp(self) -> str:
        """What says that it is a copy."""
        return self.words["copy"].format(number=self.copy) if self.copy else ""

    def sender(self) -> list[str]:
        """Name, address, tax number."""
        lines = [self.issuer.name, *self.issuer.address.splitlines()]
        if self.issuer.tax_number:
            lines.append(f"{self.words['tax_number']}: {self.issuer.tax_number}")
        return lines

    def document(
        self,
        title: str,
        to: Addressee | None,
        facts: Sequence[tuple[str, str]],
        grids: Sequence[Grid] = (),
        sums: Sequence[tuple[str, str, bool]] = (),
        *,
        addressed: Sequence[str] = (),
        notes: Sequence[str] = (),
        signatures: Sequence[str] = (),
        stamp: str = "",
    ) -> Document:
        """A paper of this facility."""
        about = self._about(to) if to is not None else []
        return Document(
            title=title,
            sender=self.sender(),
            addressed=addressed or ([to.name] if to is not None else []),
            facts=[*facts, *about],
            grids=grids,
            sums=sums,
            notes=[*notes, self.words["in_currency"].format(currency=self.formats.currency.code)],
            signatures=signatures,
            stamp="  ".join(part for part in (stamp, self.stamp) if part),
            page=self.words["page"],
            footer=self.issuer.footer.splitlines(),
            language=self.formats.language,
        )

    def _about(self, to: Addressee) -> list[tuple[str, str]]:
        words = self.words
        facts = [(words["patient"], to.name), (words["mrn"], to.mrn)]
        if to.birth_date is not None:
            facts.append((words["born"], self.formats.day(to.birth_date)))
        if to.payers:
            facts.append((words["payers"], ", ".join(to.payers)))
        if to.policy:
            facts.append((words["policy"], to.policy))
        return facts


class Priced(Protocol):
    """What a line says: of a charge, or of what is planned."""

    @property
    def description(self) -> str:
        """What it is."""

    @property
    def quantity(self) -> Decimal:
        """How much of it."""

    @property
    def unit_price(self) -> Decimal | None:
        """What one costs, net."""

    @property
    def tax_rate(self) -> Decimal | None:
        """Per cent."""

    @property
    def amounts(self) -> Amounts | None:
        """What it costs whom."""


def invoice(
    press: Press,
    one: Invoice,
    charges: Sequence[Charge],
    to: Addressee,
    about: Invoice | None = None,
    reason: str | None = None,
) -> Document:
    """An invoice or credit note with its lines, tax by rate, shares, and what is to be paid.

    ``about`` is what it credits, or what a payer refused, who said why (``reason``): then it has no lines.
    """
    words, formats = press.words, press.formats
    facts = [
        (words["number"], press.numbered(one.number)),
        (words["date"], formats.moment(one.issued_at or one.created_at)),
    ]
    if about is not None:
        facts.append((words["of_invoice"], press.numbered(about.number)))
    if reason is not None:
        facts.append((words["refused_for"], reason))
    stamps = {InvoiceState.DRAFT: words["draft"], InvoiceState.VOID: words["void"]}
    to_payer = one.payer != SELF
    return press.document(
        words[one.kind.value],
        to,
        facts,
        [lines(press, charges, shares=one.share_of is not None), by_rate(press, charges)] if charges else [],
        _owed(press, one),
        addressed=to.payers if to_payer else (),
        stamp=stamps.get(one.state, ""),
    )


def estimate(press: Press, one: Estimate, to: Addressee) -> Document:
    """What is planned, and what it would cost whom."""
    words, formats = press.words, press.formats
    facts = [
        (words["number"], press.numbered(one.number)),
        (words["date"], formats.moment(one.created_at)),
        (words["valid_until"], formats.day(one.valid_until)),
    ]
    sums = [(words["total"], formats.money(one.total), one.payer_part == 0)]
    if one.payer_part:
        sums.append((words["share"], formats.money(one.payer_part), False))
        sums.append((words["own_share"], formats.money(one.patient_part), True))
    notes = [*([one.note] if one.note else []), words["not_an_invoice"]]
    planned = _grid(
        press, [[formats.day(one.planned_on), *_line(formats, line, words)] for line in one.lines]
    )
    return press.document(
        words["estimate"], to, facts, [planned, by_rate(press, one.lines)], sums, notes=notes
    )


def lines(press: Press, charges: Sequence[Charge], *, shares: bool = False) -> Grid:
    """What was done, when, how much of it, at what price; and the payer's share of each, if asked."""
    formats = press.formats
    rows = [
        [formats.day(one.occurred_at.astimezone(formats.zone).date()), *_line(formats, one, press.words)]
        for one in charges
    ]
    if shares:
        for row, one in zip(rows, charges, strict=True):
            row.append(formats.amount(one.amounts.payer_part) if one.amounts is not None else "")
    return _grid(press, rows, shares=shares)


def _grid(press: Press, rows: Sequence[Sequence[str]], *, shares: bool = False) -> Grid:
    words = press.words
    if shares:
        columns = [
            Column(words["date"], 24),
            Column(words["service"], 44),
            Column(words["quantity"], 14, number=True),
            Column(words["unit_price"], 24, number=True),
            Column(words["tax_rate"], 16, number=True),
            Column(words["amount"], 26, number=True),
            Column(words["share"], 26, number=True),
        ]
        return Grid(columns, rows)
    columns = [
        Column(words["date"], 25),
        Column(words["service"], 54),
        Column(words["quantity"], 16, number=True),
        Column(words["unit_price"], 27, number=True),
        Column(words["tax_rate"], 20, number=True),
        Column(words["amount"], 32, number=True),
    ]
    return Grid(columns, rows)


def _described(charge: Priced, words: Mapping[str, str]) -> str:
    """What it is; of what is taken off a charge, also why."""
    kind = getattr(charge, "kind", None)
    return f"{words[kind.value]}: {charge.description}" if kind in REDUCTIONS else charge.description


def _line(formats: Formats, charge: Priced, words: Mapping[str, str]) -> list[str]:
    return [
        _described(charge, words),
        formats.quantity(charge.quantity),
        formats.unit_price(charge.unit_price) if charge.unit_price is not None else "",
        formats.rate(charge.tax_rate) if charge.tax_rate is not None else "",
        formats.amount(charge.amounts.gross) if charge.amounts is not None else "",
    ]


def by_rate(press: Press, charges: Sequence[Priced]) -> Grid:
    """Net, tax and gross of each tax rate; they add up to the total since each line was rounded by itself."""
    words, formats = press.words, press.formats
    rates = sorted({charge.tax_rate for charge in charges if charge.tax_rate is not None})
    columns = [
        Column(words["tax_rate"], 30, number=True),
        *(Column(words[name], 48, number=True) for name in ("net", "tax", "gross")),
    ]
    rows = []
    for rate in rates:
        mine = [one.amounts for one in charges if one.tax_rate == rate and one.amounts is not None]
        sums = [sum((getattr(each, name) for each in mine), ZERO) for name in ("net", "tax", "gross")]
        rows.append([formats.rate(rate), *map(formats.amount, sums)])
    return Grid(columns, rows, words["by_rate"])


def _owed(press: Press, one: Invoice) -> list[tuple[str, str, bool]]:
    words, money = press.words, press.formats.money
    sums = [(words["total"], money(one.total), False)]
    if one.payer_part and one.share_of is None and one.refusal_id is None:
        sums.append((words["share"], money(one.payer_part), False))
        sums.append((words["own_share"], money(one.patient_part), False))
    if one.paid:
        sums.append((words["paid"], money(-one.paid), False))
    if one.credited:
        sums.append((words["credited"], money(-one.credited), False))
    if one.kind is not InvoiceKind.CREDIT_NOTE:
        sums.append((words["due"], money(one.due), True))
    return sums


def receipt(
    press: Press,
    payment: Payment,
    to: Addressee,
    paid: Sequence[tuple[int | None, Decimal]],
    by: str,
    counter: str,
) -> Document:
    """What was received, how, and for which invoices; the rest is a deposit."""
    words, money = press.words, press.formats.money
    facts = [
        (words["number"], press.numbered(payment.number)),
        (words["date"], _at(press, payment.captured_at)),
        (words["counter"], counter),
        (words["cashier"], by),
        (words["means"], words[payment.means.value]),
        *([(words["reference"], payment.reference)] if payment.reference else []),
    ]
    sums = [(f"{words['final']} {press.numbered(number)}", money(amount), False) for number, amount in paid]
    if payment.refunded:
        sums.append((words["given_back"], money(payment.refunded), False))
    if payment.free:
        sums.append((words["deposit"], money(payment.free), False))
    sums.append((words["received"], money(payment.amount), True))
    if payment.tendered is not None and payment.change is not None:
        sums.append((words["tendered"], money(payment.tendered), False))
        sums.append((words["change"], money(payment.change), False))
    return press.document(words["receipt"], to, facts, (), sums)


def refund(
    press: Press, one: Refund, payment: Payment, to: Addressee, people: Mapping[uuid.UUID, str], counter: str
) -> Document:
    """What is given back, of which receipt, who asked for it and who agreed; to sign."""
    words = press.words
    states = {
        RefundState.REQUESTED: words["state_requested"],
        RefundState.DECLINED: words["state_declined"],
    }
    facts = [
        (words["date"], _at(press, one.decided_at or one.requested_at)),
        (words["of_receipt"], press.numbered(payment.number)),
        (words["means"], words[payment.means.value]),
        (words["counter"], counter),
        (words["reason"], one.reason),
        (words["asked_by"], people.get(one.requested_by, "")),
        *(
            [(words["approved_by"], people.get(one.decided_by or one.requested_by, ""))]
            if one.state not in states
            else []
        ),
    ]
    sums = [(words["given_back"], press.formats.money(one.amount), True)]
    return press.document(
        words["refund"],
        to,
        facts,
        (),
        sums,
        signatures=[words["signed"]],
        stamp=states.get(one.state, ""),
    )


def _at(press: Press, moment: datetime | None) -> str:
    return press.formats.moment(moment) if moment is not None else ""
