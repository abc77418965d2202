"""What is brought back: in parts, never more than was handed over, and its charge goes back with it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.exc import DBAPIError

from hms_rt.departments.billing.schemas.charges import ChargeOut, ChargeQuery, ReverseCharge
from hms_rt.departments.billing.schemas.tariffs import PriceIn, ServiceIn
from hms_rt.departments.pharmacy.model.dispense import DispenseState
from hms_rt.departments.pharmacy.model.prescription import PrescriptionState
from hms_rt.departments.pharmacy.schemas.formulary import MedicineIn, StoreIn
from hms_rt.departments.pharmacy.schemas.prescriptions import PrescriptionOut, When
from hms_rt.departments.pharmacy.schemas.stock import (
    CupboardIn,
    DispenseIn,
    DispenseOut,
    RecallIn,
    ReturnIn,
    StockQuery,
    TransferIn,
)
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Role
from tests.conftest import PersonFactory, command
from tests.pharmacy.conftest import FORMULARY, Pharmacy, Query, refused
from tests.pharmacy.shelves import agree, prepare, receive

S = DispenseState


@dataclass
class Counter:
    """A dispensary with a price for its medicine, and what happens at its counter."""

    pharmacy: Pharmacy

    async def price(self, source: str, unit_price: str, since: str = "2000-01-01") -> None:
        billing = self.pharmacy.services.billing
        if since == "2000-01-01":
            new = {"code": source, "name": source, "kind": "medicine", "source": source}
            await billing.define_service(SYSTEM, command(), ServiceIn.model_validate(new))
        wanted = {"service": source, "unit_price": unit_price, "valid_from": since}
        await billing.set_price(SYSTEM, command(), PriceIn.model_validate(wanted))

    async def handed(self, rx: PrescriptionOut, quantity: str, **how: Any) -> DispenseOut:
        made = await prepare(self.pharmacy, rx, quantity, **how)
        service = self.pharmacy.services.pharmacy
        return await service.hand_over(self.pharmacy.pharmacist, command(), made.id, When())

    async def back(self, made: DispenseOut, *parts: tuple[int, str], **how: Any) -> DispenseOut:
        """These quantities of the items by number; all of it, without any."""
        told: dict[str, Any] = {"reason": "not opened", **how}
        if parts:
            told["items"] = [{"item_id": str(made.items[n].id), "quantity": much} for n, much in parts]
        service = self.pharmacy.services.pharmacy
        return await service.return_dispense(
            self.pharmacy.pharmacist, command(), made.id, ReturnIn.model_validate(told)
        )

    async def stands(self, rx: PrescriptionOut) -> list[tuple[str | None, Decimal, Decimal | None]]:
        """Service, quantity and amount of what the patient is charged."""
        live = [one for one in await self.charges(rx) if not (one.reverses or one.reversed_by)]
        return sorted((one.service, one.quantity, one.gross) for one in live)

    async def charges(self, rx: PrescriptionOut) -> list[ChargeOut]:
        asked = ChargeQuery(patient_id=rx.patient_id, limit=200)
        return (await self.pharmacy.services.billing.charges(SYSTEM, command(), asked)).items


@pytest_asyncio.fixture
async def counter(pharmacy: Pharmacy) -> Counter:
    made = Counter(pharmacy)
    await made.price("AMOX500", "0.50")
    return made


async def test_a_dispense_is_charged_once_and_a_return_takes_back_exactly_its_part(
    pharmacy: Pharmacy, counter: Counter, query: Query
) -> None:
    await receive(pharmacy, "SOON", 30, "4")
    await receive(pharmacy, "LATE", 400, "100")
    rx = await pharmacy.active()
    prepared = await prepare(pharmacy, rx, "9")
    assert await counter.charges(rx) == []  # nothing is with the patient yet
    service, clerk = pharmacy.services.pharmacy, pharmacy.pharmacist
    again = command()
    handed = await service.hand_over(clerk, again, prepared.id, When())
    assert await counter.stands(rx) == [("AMOX500", Decimal(9), Decimal("4.50"))]
    await refused(Code.ILLEGAL_MOVE, service.hand_over(clerk, command(), prepared.id, When()))
    assert len(await counter.charges(rx)) == 1

    part = await counter.back(handed, (0, "1.5"), (1, "2"), disposition="restock")
    assert (part.state, [one.returned for one in part.items]) == (S.HANDED_OVER, [Decimal("1.5"), 2])
    assert await counter.stands(rx) == [("AMOX500", Decimal("5.5"), Decimal("2.75"))]
    await refused(Code.CONFLICT, counter.back(handed, (0, "2.6")))
    other = await counter.handed(rx, "1")
    await refused(Code.INVALID, counter.back(other, (0, "1"), disposition="quarantine", store="MAIN"))
    stranger = [{"item_id": str(handed.items[0].id), "quantity": "1"}]
    await refused(Code.INVALID, counter.back(other, items=stranger))
    rest = await counter.back(handed)
    assert (rest.state, rest.reason) == (S.RETURNED, "not opened")
    assert await counter.stands(rx) == [("AMOX500", Decimal(1), Decimal("0.50"))]
    gross = sum(one.gross or Decimal(0) for one in await counter.charges(rx))
    assert gross == Decimal("0.50")  # reversals carry the opposite: the ledger sums to what stands
    await refused(Code.ILLEGAL_MOVE, counter.back(handed))
    now = await service.prescription(clerk, command(), rx.id)
    assert (now.state, now.lines[0].dispensed, now.lines[0].returned) == (
        PrescriptionState.PARTIALLY_DISPENSED,
        Decimal(10),
        Decimal(9),
    )
    listed = await service.stock(clerk, StockQuery(store="MAIN"))
    assert {one.lot: str(one.quantity) for one in listed.items} == {"SOON": "0.5", "LATE": "97"}
    await agree(query)


async def test_what_is_charged_is_what_was_handed_over_at_the_price_of_that_day(
    pharmacy: Pharmacy, counter: Counter, query: Query
) -> None:
    brand = {**FORMULARY[0], "code": "AMOX-B", "brand": "Betamox"}
    await pharmacy.services.pharmacy.define_medicine(SYSTEM, command(), MedicineIn.model_validate(brand))
    await counter.price("AMOX-B", "2.00")
    await receive(pharmacy, "L1", 30, "20")
    await receive(pharmacy, "B1", 30, "20", "AMOX-B")
    rx = await pharmacy.active()
    other = await counter.handed(rx, "3", medicine="AMOX-B", reason="patient knows it")
    plain = await counter.handed(rx, "2")
    both = [("AMOX-B", Decimal(3), Decimal("6.00")), ("AMOX500", Decimal(2), Decimal("1.00"))]
    assert await counter.stands(rx) == both
    await counter.back(other, (0, "1"))
    assert await counter.stands(rx) == [("AMOX-B", Decimal(2), Decimal("4.00")), both[1]]
    mistaken = next(one for one in await counter.charges(rx) if one.service == "AMOX500")
    gift = ReverseCharge(reason="given for nothing")
    await pharmacy.services.billing.reverse_charge(SYSTEM, command(), mistaken.id, gift)
    await counter.back(plain, (0, "1"))  # what was taken back by hand is not charged anew
    assert await counter.stands(rx) == [("AMOX-B", Decimal(2), Decimal("4.00"))]


async def test_what_came_back_waits_in_quarantine_and_what_is_recalled_goes_there(
    pharmacy: Pharmacy, counter: Counter, query: Query
) -> None:
    service, clerk = pharmacy.services.pharmacy, pharmacy.pharmacist
    here = await receive(pharmacy, "L1", 30, "20")
    old = await receive(pharmacy, "OVER", -3, "5")
    rx = await pharmacy.active()
    handed, waiting = await counter.handed(rx, "4"), await prepare(pharmacy, rx, "1")
    await refused(Code.CONFLICT, counter.back(handed, disposition="quarantine"))
    quarantine = StoreIn.model_validate({"code": "QUAR", "name": "Quarantine", "kind": "quarantine"})
    await service.define_store(SYSTEM, command(), quarantine)
    await counter.back(handed, (0, "3"), disposition="quarantine")
    await refused(Code.CONFLICT, prepare_from(pharmacy, rx, "QUAR"))
    cup = {"lot_id": str(old.lot_id), "from_store": "MAIN", "to_store": "ICU-CUP", "quantity": "5"}
    await refused(Code.CONFLICT, service.transfer(clerk, command(), TransferIn.model_validate(cup)))
    apart = TransferIn.model_validate({**cup, "to_store": "QUAR"})
    assert (await service.transfer(clerk, command(), apart)).arrived == 5
    await service.recall(clerk, command(), here.lot_id, RecallIn(reason="glass in vials"))
    away = {**cup, "lot_id": str(here.lot_id), "from_store": "QUAR", "to_store": "MAIN", "quantity": "3"}
    await refused(Code.CONFLICT, service.transfer(clerk, command(), TransferIn.model_validate(away)))
    problem = await refused(Code.CONFLICT, service.hand_over(clerk, command(), waiting.id, When()))
    assert problem.detail == "lot L1 is recalled: cancel this dispense and prepare another"
    await counter.back(handed, (0, "1"), disposition="restock")  # where it waits to be written off
    await agree(query)


async def prepare_from(pharmacy: Pharmacy, rx: PrescriptionOut, store: str) -> DispenseOut:
    wanted = {"store": store, "lines": [{"line_id": str(rx.lines[0].id), "quantity": "1"}]}
    return await pharmacy.services.pharmacy.prepare(
        pharmacy.pharmacist, command(), rx.id, DispenseIn.model_validate(wanted)
    )


async def test_a_ward_takes_from_its_cupboard_what_is_prescribed_for_its_patients(
    pharmacy: Pharmacy, counter: Counter, person: PersonFactory, query: Query
) -> None:
    service, nurse = pharmacy.services.pharmacy, pharmacy.nurse
    await receive(pharmacy, "L1", 30, "20", store="ICU-CUP")
    (bed,) = await query("SELECT id FROM beds_bed ORDER BY id LIMIT 1")  # of ICU, made first
    here = await pharmacy.inpatient(bed.id)
    rx = await pharmacy.active(patient_id=here.patient_id, admission_id=here.id)

    def take(quantity: str, of: PrescriptionOut = rx) -> CupboardIn:
        line = {"line_id": str(of.lines[0].id), "quantity": quantity}
        return CupboardIn.model_validate({"prescription_id": str(of.id), "lines": [line]})

    taken = await service.take_from_cupboard(nurse, command(), "ICU-CUP", take("3"))
    assert (taken.state, taken.store, taken.handed_over_by) == (S.HANDED_OVER, "ICU-CUP", nurse.id)
    assert await counter.stands(rx) == [("AMOX500", Decimal(3), Decimal("1.50"))]
    await refused(Code.CONFLICT, service.take_from_cupboard(nurse, command(), "ICU-CUP", take("13")))
    await refused(Code.CONFLICT, service.take_from_cupboard(nurse, command(), "MAIN", take("1")))
    outside = await pharmacy.active()
    elsewhere = take("1", outside)
    await refused(Code.CONFLICT, service.take_from_cupboard(nurse, command(), "ICU-CUP", elsewhere))
    other = await person(Role.NURSE, ward="MED")
    await refused(Code.FORBIDDEN, service.take_from_cupboard(other, command(), "ICU-CUP", take("1")))
    await refused(
        Code.FORBIDDEN, service.take_from_cupboard(pharmacy.doctor, command(), "ICU-CUP", take("1"))
    )
    await counter.back(taken, (0, "1"), disposition="restock")
    listed = await service.stock(pharmacy.pharmacist, StockQuery(store="ICU-CUP"))
    assert [one.quantity for one in listed.items] == [Decimal(18)]
    now = await service.prescription(pharmacy.doctor, command(), rx.id)
    assert (now.state, now.lines[0].dispensed) == (PrescriptionState.PARTIALLY_DISPENSED, Decimal(3))
    await agree(query)


BACK = """
    INSERT INTO pharmacy_return (id, item_id, quantity, disposition, store, reason, recorded_at, recorded_by)
    SELECT gen_random_uuid(), i.id, {quantity}, '{to}', {store}, 'attack', now(), i.id
    FROM pharmacy_dispense_item i JOIN pharmacy_dispense d ON d.id = i.dispense_id WHERE d.state = '{state}'
"""
MOVE = """
    INSERT INTO pharmacy_ledger (id, lot_id, store, kind, delta, reference, occurred_at, recorded_at,
        recorded_by) SELECT gen_random_uuid(), l.id, '{store}', '{kind}', {delta}, gen_random_uuid(), now(),
        now(), l.id FROM pharmacy_lot l WHERE l.number = '{lot}'
"""
ATTACKS = (
    (BACK.format(quantity=7, to="destroy", store="NULL", state="handed_over"), "item_returned_check"),
    (BACK.format(quantity=0, to="destroy", store="NULL", state="handed_over"), "return_quantity_check"),
    (BACK.format(quantity=1, to="keep", store="NULL", state="handed_over"), "return_disposition_check"),
    (BACK.format(quantity=1, to="restock", store="NULL", state="handed_over"), "return_store_check"),
    (BACK.format(quantity=1, to="destroy", store="NULL", state="prepared"), "is not with the patient"),
    (BACK.format(quantity=1, to="restock", store="'MAIN'", state="handed_over"), "not in the ledger"),
    (BACK.format(quantity=6, to="destroy", store="NULL", state="handed_over"), "it is returned"),
    (MOVE.format(store="MAIN", kind="return", delta=5, lot="L1"), "brought back"),
    (MOVE.format(store="MAIN", kind="dispense", delta=-1, lot="OVER"), "lot OVER is expired"),
    (MOVE.format(store="MAIN", kind="transfer_in", delta=1, lot="OVER"), "lot OVER is expired"),
    (MOVE.format(store="QUAR", kind="dispense", delta=-1, lot="L1"), "is a quarantine"),
    ("UPDATE pharmacy_return SET quantity = 1", "append-only"),
    ("DELETE FROM pharmacy_return", "append-only"),
    ("UPDATE pharmacy_dispense_item SET returned = 1", "append-only"),
    ("UPDATE pharmacy_line SET returned = dispensed + 1", "pharmacy_line_returned_check"),
    ("UPDATE pharmacy_dispense SET state = 'returned', ended_by = id, ended_at = now(), reason = 'attack'"
     " WHERE state = 'handed_over'", "did not come back"),
)  # fmt: skip


async def test_the_database_takes_back_no_more_than_was_handed_over(
    pharmacy: Pharmacy, counter: Counter, query: Query
) -> None:
    quarantine = StoreIn.model_validate({"code": "QUAR", "name": "Quarantine", "kind": "quarantine"})
    await pharmacy.services.pharmacy.define_store(SYSTEM, command(), quarantine)
    await receive(pharmacy, "L1", 30, "20")
    await receive(pharmacy, "OVER", -3, "5")
    rx = await pharmacy.active()
    await counter.handed(rx, "6")
    await prepare(pharmacy, rx, "2")
    for statement, broken in ATTACKS:
        with pytest.raises(DBAPIError, match=broken):
            await query(statement)
    hand_over = (
        "UPDATE pharmacy_dispense SET state = 'handed_over', handed_over_by = id,"
        " handed_over_at = now() + interval '32 days' WHERE state = 'prepared'"
    )
    with pytest.raises(DBAPIError, match="lot L1 is expired"):
        await query(hand_over)
    await agree(query)
