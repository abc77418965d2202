"""Somebody who lies in a ward and may go: medicine from the cupboard, procedures, packages, midnights."""

import asyncio
import uuid
from datetime import timedelta

from sqlalchemy import text

from hms_rt.departments.billing.schemas.accounts import InvoiceIn
from hms_rt.departments.billing.schemas.charges import ProcedureIn
from hms_rt.departments.billing.schemas.packages import PackageUseIn, Withdrawal
from hms_rt.departments.ipd.schemas import AdmissionIn, BedChoice, Timed
from hms_rt.departments.ipd.schemas.commands import DischargeOrderIn
from hms_rt.departments.pharmacy.schemas.prescriptions import Activation, PrescriptionIn, PrescriptionOut
from hms_rt.departments.pharmacy.schemas.stock import CupboardIn
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.money.machine import NOBODY, one_of, quantities, rule
from tests.money.money_rules import BACK, MoneyCommands
from tests.money.stock_rules import DOSES, StockCommands
from tests.money.trouble import LOSES, Trouble
from tests.pharmacy.conftest import line

AS_NEEDED = {"kind": "as_needed", "max_per_24h": 4}
"""No dose comes due meanwhile: what is outstanding follows from commands alone."""
FREE_BED = "SELECT id FROM beds_bed WHERE status = 'available' ORDER BY code LIMIT 1"
BEHIND = "SELECT 1 FROM billing_stay WHERE ward IS NOT NULL AND next_day < :today"
A_WHILE = timedelta(minutes=15)
RUNS = 20


class WardCommands(StockCommands, MoneyCommands):
    """One patient lies in ICU and may go; the board counts what is to be done before."""

    admission = NOBODY
    inpatient = NOBODY

    async def begin(self) -> None:
        await super().begin()
        await self._admitted()
        self.on_ward = [await self._prescribed("AMOX500"), await self._prescribed("MORPH10", take_home=True)]
        await self.transfers("7.25", back=False)
        self.procedures: list[uuid.UUID] = []
        self.packages: list[uuid.UUID] = []
        self.patients.append(self.inpatient)
        self.owe.append(self.inpatient)

    async def _admitted(self) -> None:
        ipd, self.inpatient = self.services.ipd, await self.new_patient()
        async with self.ground.aside.connect() as connection:
            bed = (await connection.execute(text(FREE_BED))).scalar_one()
        new = AdmissionIn(patient_id=self.inpatient, ward="ICU", reason="sepsis")
        asked = await ipd.request(SYSTEM, command(), new)
        await ipd.accept(SYSTEM, command(), asked.id, Timed())
        await ipd.assign(SYSTEM, command(), asked.id, BedChoice(bed_id=bed))
        await ipd.order_discharge(SYSTEM, command(), asked.id, DischargeOrderIn())
        self.admission = asked.id
        self.books.nights[asked.id] = (self.today, 0)

    async def _prescribed(self, medicine: str, *, take_home: bool = False) -> PrescriptionOut:
        lines = [line(medicine, DOSES[medicine], frequency=AS_NEEDED)]
        said = {"patient_id": self.inpatient, "admission_id": self.admission, "take_home": take_home}
        wanted = PrescriptionIn.model_validate({**said, "lines": lines})
        draft = await self.give(lambda c: self.pharmacy.prescribe(self.doctor, c, wanted))
        assert draft is not None
        activate = self.pharmacy.activate
        active = await self.give(lambda c: activate(self.doctor, c, draft.id, Activation()))
        assert active is not None
        self.prescriptions.append(active)
        return active

    @rule(3, quantity=quantities)
    async def takes_from_the_cupboard(self, quantity: str) -> None:
        rx = self.on_ward[0]
        lines = [{"line_id": rx.lines[0].id, "quantity": quantity}]
        wanted = CupboardIn.model_validate({"prescription_id": rx.id, "lines": lines})
        take = self.pharmacy.take_from_cupboard
        told = await self.give(lambda c: take(self.nurse, c, "ICU-CUP", wanted))
        if told is not None:
            assert (told.state, told.store) == ("handed_over", "ICU-CUP")
            self.books.dispensed(told)
            self.dispenses.append(told.id)

    # --- procedures

    @rule(2, quantity=quantities)
    async def records_a_procedure(self, quantity: str) -> None:
        """By who treats the patient; everybody else is refused."""
        patient = self.pick(self.patients, lambda each: each == self.inpatient)
        wanted = ProcedureIn.model_validate({"patient_id": patient, "service": "DRESS", "quantity": quantity})
        told = await self.give(lambda c: self.billing.record_procedure(self.doctor, c, wanted))
        if told is not None:
            self.books.charges[told.id] = await self._booked(told.id)
            self.procedures.append(told.id)

    @rule(2)
    async def cancels_a_procedure(self) -> None:
        charge = self.pick(self.procedures, lambda each: self.books.charges[each][1] is None)
        told = await self.give(lambda c: self.billing.cancel_procedure(self.doctor, c, charge, BACK))
        if told is not None:
            gross, before = self.books.charges[charge]
            assert before is None, "cancelled twice"
            found, after = await self._booked(charge)
            assert found == gross
            assert after is not None
            self.books.charges[charge] = (gross, after)

    # --- packages

    @rule(2, days=one_of(1, 1, 3))
    async def applies_a_package(self, days: int) -> None:
        patient = self.pick(self.owe[-3:])
        said = {"patient_id": patient, "package": "CARE", "days": days}
        if patient == self.inpatient and self.chance.random() < 0.5:
            said["admission_id"] = self.admission
        wanted = PackageUseIn.model_validate(said)
        told = await self.give(lambda c: self.billing.apply_package(self.clerk, c, wanted))
        if told is not None:
            self.books.packages[told.id] = (told.state,)
            self.packages.append(told.id)

    @rule(2)
    async def withdraws_a_package(self) -> None:
        use, why = self.pick(self.packages), Withdrawal(reason="changed plans")
        told = await self.give(lambda c: self.billing.withdraw_package(self.clerk, c, use, why))
        if told is not None:
            assert self.books.packages[use] == ("applied",), "withdrawn twice"
            self.books.packages[use] = (told.state,)

    # --- time

    @rule(1, hours=one_of(5, 19, 30))
    async def midnight_strikes(self, hours: int) -> None:
        """Days in bed are charged while somebody prepares an invoice of the same patient; connections break
        meanwhile. What the timers could not do they do again."""
        self.ground.clock.advance(timedelta(hours=hours))
        lost = LOSES.get(Trouble(self._trouble), ())
        wanted = InvoiceIn(patient_id=self.inpatient)
        draft = self.give(lambda c: self.billing.draft_invoice(self.clerk, c, wanted))
        made, _ = await asyncio.gather(draft, self._timers())
        if made is not None:
            await self._drafted(made)
        self.ground.client.lose(*lost)
        for _ in range(RUNS):
            await self._timers()
            self.ground.client.lose()
            async with self.ground.aside.connect() as connection:
                if (await connection.execute(text(BEHIND), {"today": self.today})).first() is None:
                    break
            self.ground.clock.advance(A_WHILE)
        since, _ = self.books.nights[self.admission]
        self.books.nights[self.admission] = (since, (self.today - since).days)

    async def _timers(self) -> None:
        """Those that are due; who looks for them is without a database now and then."""
        try:
            await self.ground.hospital.durable_timers.run_due()
        except HmsError as error:
            if error.code is not Code.UNAVAILABLE:
                raise
