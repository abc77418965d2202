"""The commands of the pharmacy, as rules of the machine."""

import uuid
from decimal import Decimal
from typing import Any

from hms_rt.departments.patients.schemas.allergies import AllergyIn
from hms_rt.departments.pharmacy.model.dispense import Disposition
from hms_rt.departments.pharmacy.schemas.prescriptions import (
    Activation,
    LateOverrides,
    PrescriptionIn,
    When,
    Why,
)
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
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.money.machine import Commands, one_of, quantities, rule
from tests.pharmacy.conftest import line

QUARANTINE = "QUAR"
WHY = Why(reason="changed")
DOSES = {"AMOX500": "500", "MORPH10": "10"}
"""The first medicine has a price."""
medicines = one_of(*DOSES)
stores = one_of("MAIN", "MAIN", "ICU-CUP")
yes_or_no = one_of(True, False)


class StockCommands(Commands):
    """Prescriptions, dispenses and whatever moves stock."""

    async def begin(self) -> None:
        await super().begin()
        for number, medicine in enumerate(DOSES):
            await self.receives(medicine, "20", number)
            await self.prescribes(medicine)

    # --- goods

    @rule(3, medicine=medicines, quantity=quantities, number=one_of(*range(4)))
    async def receives(self, medicine: str, quantity: str, number: int) -> None:
        goods = {"medicine": medicine, "lot": f"{self.seed}-{number}", "quantity": quantity}
        wanted = ReceiptIn.model_validate({**goods, "expires_on": self.in_days(30 + number)})
        got = await self.give(lambda c: self.pharmacy.receive(self.pharmacist, c, "MAIN", wanted))
        if got is not None:
            self.books.received(got, Decimal(quantity))
            self.lots.append(got.lot_id)

    @rule(quantity=quantities, back=yes_or_no)
    async def transfers(self, quantity: str, back: bool) -> None:
        here, there = ("ICU-CUP", "MAIN") if back else ("MAIN", "ICU-CUP")
        lot = self.pick(self.lots, lambda each: self.books.shelves[each, here] >= Decimal(quantity))
        wanted = TransferIn(lot_id=lot, from_store=here, to_store=there, quantity=Decimal(quantity))
        told = await self.give(lambda c: self.pharmacy.transfer(self.pharmacist, c, wanted))
        if told is not None:
            self.books.transferred(told)

    @rule(store=stores, quantity=quantities)
    async def counts(self, store: str, quantity: str) -> None:
        lot = self.pick(self.lots)
        wanted = CountIn(lot_id=lot, store=store, counted=Decimal(quantity), reason="shelf count")
        told = await self.give(lambda c: self.pharmacy.count(self.pharmacist, c, wanted))
        if told is not None:
            assert told.expected == self.books.shelves[lot, store]
            self.books.counted(lot, store, told.variance)

    @rule(store=stores, quantity=quantities)
    async def asks_for_a_write_off(self, store: str, quantity: str) -> None:
        lot = self.pick(self.lots, lambda each: self.books.shelves[each, store] >= Decimal(quantity))
        wanted = WriteOffIn(lot_id=lot, store=store, quantity=Decimal(quantity), reason="broken")
        asked = await self.give(lambda c: self.pharmacy.request_write_off(self.pharmacist, c, wanted))
        if asked is not None:
            self.books.written_off(asked)
            self.write_offs.append(asked.id)

    @rule(approves=one_of(True, True, False))
    async def decides_on_a_write_off(self, approves: bool) -> None:
        asked = self.pick(self.write_offs, lambda each: self.books.write_offs[each] == "requested")
        decide = self.pharmacy.approve_write_off if approves else self.pharmacy.refuse_write_off
        told = await self.give(lambda c: decide(self.admin, c, asked))
        if told is not None:
            self.books.written_off(told)

    @rule(seldom=one_of(*range(10)))
    async def recalls(self, seldom: int) -> None:
        if seldom == 0:
            lot, why = self.pick(self.lots), RecallIn(reason="glass in vials")
            await self.give(lambda c: self.pharmacy.recall(self.pharmacist, c, lot, why))

    # --- prescriptions

    @rule(medicine=medicines)
    async def prescribes(self, medicine: str) -> None:
        """For somebody new: a second prescription of the same would warn of a duplicate."""
        patient = await self.new_patient()
        body = {"patient_id": patient, "clinic": "GEN", "lines": [line(medicine, DOSES[medicine])]}
        wanted = PrescriptionIn.model_validate(body)
        draft = await self.give(lambda c: self.pharmacy.prescribe(self.doctor, c, wanted))
        assert draft is not None
        if self.chance.random() < 0.1:
            why = Why(reason="another is better")
            cancel = self.pharmacy.cancel_prescription
            await self.give(lambda c: cancel(self.doctor, c, draft.id, why))
            return
        activate = self.pharmacy.activate
        active = await self.give(lambda c: activate(self.doctor, c, draft.id, Activation()))
        assert active is not None
        self.patients.append(patient)
        self.prescriptions.append(active)

    @rule(1, what=one_of("hold", "resume", "resume", "stop"))
    async def moves_a_prescription(self, what: str) -> None:
        moved = self.pick([one.id for one in self.prescriptions])
        doing: dict[str, Any] = {
            "hold": lambda c: self.pharmacy.hold(self.doctor, c, moved, WHY),
            "resume": lambda c: self.pharmacy.resume(self.doctor, c, moved, When()),
            "stop": lambda c: self.pharmacy.stop(self.doctor, c, moved, WHY),
        }
        await self.give(doing[what])

    @rule(1)
    async def dispenses_no_more(self) -> None:
        if self.prescriptions and self.chance.random() < 0.3:
            rx = self.chance.choice(self.prescriptions)
            why = NotDispensedIn(line_id=rx.lines[0].id, reason="the patient has some")
            doing = self.pharmacy.not_dispensed
            await self.give(lambda c: doing(self.pharmacist, c, rx.id, why))

    @rule(1, what=one_of("allergy", "override", "override"))
    async def learns_of_an_allergy(self, what: str) -> None:
        """Nothing of the prescription is dispensed until a doctor says why it goes on."""
        if not self.prescriptions:
            return
        rx = self.chance.choice(self.prescriptions[-4:])
        if what == "allergy":
            new = AllergyIn(substance=rx.lines[0].name)
            await self.services.patients.add_allergy(SYSTEM, command(), rx.patient_id, new)
        because = {"line_id": rx.lines[0].id, "kind": "allergy", "reason": "tolerated before"}
        told = LateOverrides.model_validate({"overrides": [because]})
        doing = self.pharmacy.override_alerts
        if what == "override":
            await self.give(lambda c: doing(self.doctor, c, rx.id, told))

    # --- dispenses

    def _wanted(self, quantity: str) -> tuple[uuid.UUID, DispenseIn]:
        """So much for the line of some prescription."""
        if not self.prescriptions:
            rx_id, line_id = uuid.uuid4(), uuid.uuid4()
        else:
            rx = self.chance.choice(self.prescriptions[-4:])
            rx_id, line_id = rx.id, rx.lines[0].id
        return rx_id, DispenseIn.model_validate({"lines": [{"line_id": line_id, "quantity": quantity}]})

    @rule(4, quantity=quantities)
    async def prepares(self, quantity: str) -> None:
        rx, wanted = self._wanted(quantity)
        made = await self.give(lambda c: self.pharmacy.prepare(self.pharmacist, c, rx, wanted))
        if made is not None:
            self.books.dispensed(made)
            self.dispenses.append(made.id)

    @rule(4)
    async def hands_over(self) -> None:
        made = self.pick(self.dispenses, lambda each: self.books.dispenses[each].state == "prepared")
        told = await self.give(lambda c: self.pharmacy.hand_over(self.pharmacist, c, made, When()))
        if told is not None:
            self.books.dispensed(told)

    @rule(goes=one_of(*Disposition), part=one_of(None, "0.5", "3"))
    async def takes_back(self, goes: Disposition, part: str | None) -> None:
        made = self.pick(self.dispenses, lambda each: self.books.dispenses[each].state == "handed_over")
        said: dict[str, Any] = {"reason": "changed", "disposition": goes}
        known = self.books.dispenses.get(made)
        if part is not None and known is not None:
            said["items"] = [{"item_id": known.items[-1].id, "quantity": part}]
        why, doing = ReturnIn.model_validate(said), self.pharmacy.return_dispense
        told = await self.give(lambda c: doing(self.pharmacist, c, made, why))
        if told is not None:
            stores = {Disposition.RESTOCK: told.store, Disposition.QUARANTINE: QUARANTINE}
            self.books.brought_back(told, stores.get(goes))

    @rule()
    async def cancels(self) -> None:
        made = self.pick(self.dispenses, lambda each: self.books.dispenses[each].state == "prepared")
        doing = self.pharmacy.cancel_dispense
        told = await self.give(lambda c: doing(self.pharmacist, c, made, WHY))
        if told is not None:
            self.books.dispensed(told)

    @rule(quantity=quantities)
    async def three_dispensers_want_the_same(self, quantity: str) -> None:
        rx, wanted = self._wanted(quantity)
        doing = [lambda c: self.pharmacy.prepare(self.pharmacist, c, rx, wanted)] * 3
        for made in await self.at_once(*doing):
            self.books.dispensed(made)
            self.dispenses.append(made.id)
