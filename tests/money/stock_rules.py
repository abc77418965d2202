"""The commands of the pharmacy, as rules of the machine."""

import uuid
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from hms_rt.departments.pharmacy.schemas.prescriptions import Activation, PrescriptionIn, When, Why
from hms_rt.departments.pharmacy.schemas.stock import (
    CountIn,
    DispenseIn,
    NotDispensedIn,
    RecallIn,
    ReceiptIn,
    ReturnIn,
    TransferIn,
    WriteOffIn,
)
from tests.money.machine import Commands, messages, picks, quantities, troubles
from tests.money.trouble import Trouble
from tests.pharmacy.conftest import line

WHY = Why(reason="changed")
MEDICINES = ("AMOX500", "MORPH10")
"""The first has a price."""
stores = st.sampled_from(["MAIN", "ICU-CUP"])


class StockCommands(Commands):
    """Prescriptions, dispenses and whatever moves stock."""

    @rule(
        number=picks,
        medicine=st.sampled_from(MEDICINES),
        quantity=quantities,
        trouble=troubles,
        after=messages,
    )
    def receives(self, number: int, medicine: str, quantity: str, trouble: Trouble, after: int) -> None:
        goods = {"medicine": medicine, "lot": f"{id(self)}-{number}", "quantity": quantity}
        wanted = ReceiptIn.model_validate({**goods, "expires_on": self.in_days(30 + number)})
        got = self.give(
            "receive", lambda c: self.pharmacy.receive(self.pharmacist, c, "MAIN", wanted), trouble, after
        )
        if got is not None:
            self.books.received(got, Decimal(quantity))
            self.lots.append(got.lot_id)

    @rule(number=picks, quantity=quantities, back=st.booleans(), trouble=troubles, after=messages)
    def transfers(self, number: int, quantity: str, back: bool, trouble: Trouble, after: int) -> None:
        here, there = ("ICU-CUP", "MAIN") if back else ("MAIN", "ICU-CUP")
        wanted = TransferIn(
            lot_id=self.pick(self.lots, number), from_store=here, to_store=there, quantity=Decimal(quantity)
        )
        told = self.give(
            "transfer", lambda c: self.pharmacy.transfer(self.pharmacist, c, wanted), trouble, after
        )
        if told is not None:
            self.books.transferred(told)

    @rule(number=picks, store=stores, quantity=quantities, trouble=troubles, after=messages)
    def counts(self, number: int, store: str, quantity: str, trouble: Trouble, after: int) -> None:
        lot = self.pick(self.lots, number)
        wanted = CountIn(lot_id=lot, store=store, counted=Decimal(quantity), reason="shelf count")
        told = self.give("count", lambda c: self.pharmacy.count(self.pharmacist, c, wanted), trouble, after)
        if told is not None:
            assert told.expected == self.books.shelves[lot, store]
            self.books.counted(lot, store, told.variance)

    @rule(number=picks, store=stores, quantity=quantities, trouble=troubles, after=messages)
    def asks_for_a_write_off(
        self, number: int, store: str, quantity: str, trouble: Trouble, after: int
    ) -> None:
        lot = self.pick(self.lots, number)
        wanted = WriteOffIn(lot_id=lot, store=store, quantity=Decimal(quantity), reason="broken")
        asked = self.give(
            "ask", lambda c: self.pharmacy.request_write_off(self.pharmacist, c, wanted), trouble, after
        )
        if asked is not None:
            self.books.written_off(asked)
            self.write_offs.append(asked.id)

    @rule(number=picks, approves=st.booleans(), trouble=troubles, after=messages)
    def decides_on_a_write_off(self, number: int, approves: bool, trouble: Trouble, after: int) -> None:
        asked = self.pick(self.write_offs, number)
        decide = self.pharmacy.approve_write_off if approves else self.pharmacy.refuse_write_off
        told = self.give(
            "approve" if approves else "refuse", lambda c: decide(self.admin, c, asked), trouble, after
        )
        if told is not None:
            self.books.written_off(told)

    @rule(number=picks, seldom=st.integers(0, 9), trouble=troubles, after=messages)
    def recalls(self, number: int, seldom: int, trouble: Trouble, after: int) -> None:
        if seldom == 0:
            lot, why = self.pick(self.lots, number), RecallIn(reason="glass in vials")
            self.give("recall", lambda c: self.pharmacy.recall(self.pharmacist, c, lot, why), trouble, after)

    @rule(number=picks, medicine=st.sampled_from(MEDICINES), trouble=troubles, after=messages)
    def prescribes(self, number: int, medicine: str, trouble: Trouble, after: int) -> None:
        # Of one medicine once for a patient: a second one would warn of a duplicate.
        patient = self.wait(self.new_patient()) if number else self.patients[0]
        self.patients.append(patient)
        dose = "500" if medicine == "AMOX500" else "10"
        body = {"patient_id": patient, "clinic": "GEN", "lines": [line(medicine, dose)]}
        wanted = PrescriptionIn.model_validate(body)
        draft = self.give(
            "prescribe", lambda c: self.pharmacy.prescribe(self.doctor, c, wanted), trouble, after
        )
        if draft is None:
            return
        active = self.give(
            "activate",
            lambda c: self.pharmacy.activate(self.doctor, c, draft.id, Activation()),
            trouble,
            after,
        )
        if active is not None:
            self.prescriptions.append(active)
        else:
            self.give("cancel", lambda c: self.pharmacy.cancel_prescription(self.doctor, c, draft.id, WHY))

    @rule(number=picks, what=st.sampled_from(["hold", "resume", "resume", "stop"]), trouble=troubles)
    def moves_a_prescription(self, number: int, what: str, trouble: Trouble) -> None:
        if not self.prescriptions:
            return
        moved = self.prescriptions[-1 - number % len(self.prescriptions)].id
        match what:
            case "hold":
                self.give(what, lambda c: self.pharmacy.hold(self.doctor, c, moved, WHY), trouble)
            case "resume":
                self.give(what, lambda c: self.pharmacy.resume(self.doctor, c, moved, When()), trouble)
            case _:
                if number == 0:
                    self.give(what, lambda c: self.pharmacy.stop(self.doctor, c, moved, WHY), trouble)

    @rule(number=picks, quantity=quantities, trouble=troubles, after=messages)
    def prepares(self, number: int, quantity: str, trouble: Trouble, after: int) -> None:
        if self.prescriptions:
            rx = self.prescriptions[-1 - number % len(self.prescriptions)]
            wanted = self._dispense(rx.lines[0].id, quantity)
            made = self.give(
                "prepare",
                lambda c: self.pharmacy.prepare(self.pharmacist, c, rx.id, wanted),
                trouble,
                after,
            )
            if made is not None:
                self.books.dispensed(made)
                self.dispenses.append(made.id)

    @staticmethod
    def _dispense(line_id: uuid.UUID, quantity: str) -> DispenseIn:
        return DispenseIn.model_validate({"lines": [{"line_id": line_id, "quantity": quantity}]})

    @rule(number=picks, trouble=troubles, after=messages)
    def hands_over(self, number: int, trouble: Trouble, after: int) -> None:
        made = self.pick(self.dispenses, number)
        told = self.give(
            "hand_over",
            lambda c: self.pharmacy.hand_over(self.pharmacist, c, made, When()),
            trouble,
            after,
        )
        if told is not None:
            self.books.dispensed(told)

    @rule(number=picks, back=st.booleans(), restock=st.booleans(), trouble=troubles, after=messages)
    def takes_back(self, number: int, back: bool, restock: bool, trouble: Trouble, after: int) -> None:
        made, why = self.pick(self.dispenses, number), ReturnIn(reason="changed", restock=restock)

        def doing(c: Any) -> Any:
            if back:
                return self.pharmacy.return_dispense(self.pharmacist, c, made, why)
            return self.pharmacy.cancel_dispense(self.pharmacist, c, made, WHY)

        told = self.give("return" if back else "cancel_dispense", doing, trouble, after)
        if told is not None:
            self.books.dispensed(told, restock=restock or not back)

    @rule(number=picks, trouble=troubles)
    def dispenses_no_more(self, number: int, trouble: Trouble) -> None:
        if self.prescriptions and number == 0:
            rx = self.prescriptions[-1]
            why = NotDispensedIn(line_id=rx.lines[0].id, reason="the patient has some")
            self.give(
                "not_dispensed",
                lambda c: self.pharmacy.not_dispensed(self.pharmacist, c, rx.id, why),
                trouble,
            )

    @rule(number=picks, quantity=quantities)
    def three_dispensers_want_the_same(self, number: int, quantity: str) -> None:
        if self.prescriptions:
            rx = self.prescriptions[-1 - number % len(self.prescriptions)]
            wanted = self._dispense(rx.lines[0].id, quantity)
            doing = [lambda c: self.pharmacy.prepare(self.pharmacist, c, rx.id, wanted)] * 3
            for made in self.at_once(*doing):
                if made is not None:
                    self.books.dispensed(made)
                    self.dispenses.append(made.id)
