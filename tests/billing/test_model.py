"""Invoices, payments, refunds: every legal and every illegal pair; shifts."""

import itertools
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hms_rt.departments.billing.model.invoice import MOVES as INVOICE_MOVES
from hms_rt.departments.billing.model.invoice import Invoice, InvoiceKind, InvoiceMove, InvoiceState
from hms_rt.departments.billing.model.payment import MOVES as PAYMENT_MOVES
from hms_rt.departments.billing.model.payment import (
    REFUND_MOVES,
    Means,
    Payment,
    PaymentMove,
    PaymentState,
    Refund,
    RefundMove,
    RefundState,
    Shift,
)
from hms_rt.kernel.errors import Code, HmsError

D = Decimal
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ME, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def invoice(state: InvoiceState, **values: object) -> Invoice:
    made = Invoice(ME, "MAIN", InvoiceKind.FINAL, ME, None, state, NOW, ME, total=D("10.00"), owed=D("10.00"))
    return replace(made, **values)  # type: ignore[arg-type]


def payment(state: PaymentState) -> Payment:
    return Payment(ME, "MAIN", ME, "SELF", ME, Means.CASH, D("10.00"), None, state, NOW, ME)


def illegal(raised: pytest.ExceptionInfo[HmsError]) -> list[str]:
    assert raised.value.code is Code.ILLEGAL_MOVE
    return list(raised.value.fields["legal"])  # type: ignore[arg-type]


@pytest.mark.parametrize(("state", "move"), list(itertools.product(InvoiceState, InvoiceMove)))
def test_every_pair_of_an_invoice(state: InvoiceState, move: InvoiceMove) -> None:
    after = INVOICE_MOVES[move].get(state)
    if after is not None:
        assert invoice(state).moved(move).state is after
        return
    with pytest.raises(HmsError) as raised:
        invoice(state).moved(move)
    assert illegal(raised) == sorted(m.value for m, steps in INVOICE_MOVES.items() if state in steps)


@pytest.mark.parametrize(("state", "move"), list(itertools.product(PaymentState, PaymentMove)))
def test_every_pair_of_a_payment(state: PaymentState, move: PaymentMove) -> None:
    after = PAYMENT_MOVES.get(move, {}).get(state)
    if after is not None:
        assert payment(state).moved(move).state is after
        return
    with pytest.raises(HmsError) as raised:
        payment(state).moved(move)
    assert illegal(raised) == sorted(m.value for m, steps in PAYMENT_MOVES.items() if state in steps)


@pytest.mark.parametrize(("state", "move"), list(itertools.product(RefundState, RefundMove)))
def test_every_pair_of_a_refund(state: RefundState, move: RefundMove) -> None:
    asked = Refund(ME, ME, ME, D(1), "moved away", state, ME, NOW)
    if state in REFUND_MOVES[move]:
        assert asked.decided(move, OTHER, NOW).state is REFUND_MOVES[move][state]
        with pytest.raises(HmsError) as raised:
            asked.decided(move, ME, NOW)
        assert raised.value.code is Code.FORBIDDEN
        return
    with pytest.raises(HmsError) as raised:
        asked.decided(move, OTHER, NOW)
    assert illegal(raised) == []


def test_an_invoice_is_settled_to_the_cent_and_credited_from_what_was_paid() -> None:
    part = invoice(InvoiceState.ISSUED).settled(paid=D("9.99"))
    assert (part.state, part.due) == (InvoiceState.PART_PAID, D("0.01"))
    with pytest.raises(HmsError) as raised:
        part.settled(paid=D("0.02"))
    assert raised.value.code is Code.CONFLICT
    paid = part.settled(paid=D("0.01"))
    assert (paid.state, paid.due) == (InvoiceState.PAID, D(0))
    after, freed = paid.credit(D("4.00"))
    assert (after.state, after.paid, after.credited, freed) == (InvoiceState.PAID, D(6), D(4), D(4))
    after, freed = part.credit(D("0.01"))
    assert (after.state, freed) == (InvoiceState.PAID, D(0))
    after, freed = invoice(InvoiceState.ISSUED).credit(D("4.00"))
    assert (after.state, after.due, freed) == (InvoiceState.PART_PAID, D(6), D(0))
    for state in (InvoiceState.DRAFT, InvoiceState.VOID):
        with pytest.raises(HmsError) as raised:
            invoice(state).credit(D(1))
        assert illegal(raised) == []


def test_what_was_issued_is_voided_by_another_person() -> None:
    assert invoice(InvoiceState.DRAFT).voided(ME, NOW).state is InvoiceState.VOID
    issued = invoice(InvoiceState.ISSUED)
    for by, asked, code in ((OTHER, None, Code.CONFLICT), (ME, ME, Code.FORBIDDEN)):
        with pytest.raises(HmsError) as raised:
            replace(issued, void_requested_by=asked).voided(by, NOW)
        assert raised.value.code is code
    assert issued.asked_to_void(ME, "wrong payer").voided(OTHER, NOW).state is InvoiceState.VOID


def test_a_drawer_holds_what_it_should_or_somebody_says_why() -> None:
    shift = Shift(ME, "MAIN", "C1", ME, NOW, D(50), D(50), NOW.date()).took(Means.CASH, D("12.50"))
    with pytest.raises(HmsError):
        shift.took(Means.CASH, D("-62.51"))
    with pytest.raises(HmsError):
        shift.closed(NOW, D(62), None)
    closed = shift.closed(NOW, D(62), "a coin fell down")
    assert (closed.difference, closed.cash) == (D("-0.50"), D("62.50"))
    with pytest.raises(HmsError):
        closed.took(Means.CARD, D(1))
