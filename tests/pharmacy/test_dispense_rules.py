"""What the service holds of dispenses, the database holds, too: attacked by direct SQL, move by move."""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from hms_rt.departments.pharmacy.model import dispense, prescription
from hms_rt.departments.pharmacy.model.dispense import DispenseState
from hms_rt.departments.pharmacy.model.prescription import PrescriptionState
from hms_rt.departments.pharmacy.schemas.formulary import MedicineIn, StoreIn
from hms_rt.departments.pharmacy.schemas.prescriptions import PrescriptionOut, When, Why
from hms_rt.departments.pharmacy.schemas.stock import DispenseOut, ReturnIn, WriteOffIn
from hms_rt.kernel.principal import SYSTEM
from hms_rt.storage.postgres import violated
from tests.conftest import command
from tests.pharmacy.conftest import FORMULARY, Pharmacy, Query
from tests.pharmacy.shelves import agree, prepare, receive

WHY = Why(reason="changed")


async def refused_by(query: Query, statement: str, broken: str, **values: Any) -> None:
    """By the constraint of this name, or with these words."""
    with pytest.raises(IntegrityError) as raised:
        await query(statement, **values)
    assert broken in f"{violated(raised.value)}: {raised.value}", statement


async def handed(pharmacy: Pharmacy, rx: PrescriptionOut, quantity: str) -> DispenseOut:
    made = await prepare(pharmacy, rx, quantity)
    return await pharmacy.services.pharmacy.hand_over(pharmacy.pharmacist, command(), made.id, When())


PREPARED = "(SELECT id FROM pharmacy_dispense WHERE state = 'prepared')"
HANDED = "(SELECT id FROM pharmacy_dispense WHERE state = 'handed_over')"


def item(
    lot: str, *, into: str = PREPARED, line: str = "RX", reason: str = "NULL", medicine: str = "l.medicine"
) -> str:
    return f"""
        INSERT INTO pharmacy_dispense_item (id, dispense_id, line_id, lot_id, medicine, quantity, reason)
        SELECT gen_random_uuid(), {into}, p.id, l.id, {medicine}, 1, {reason}
        FROM pharmacy_lot l, pharmacy_line p JOIN pharmacy_prescription x ON x.id = p.prescription_id
        WHERE l.number = '{lot}' AND x.reason IS NOT DISTINCT FROM NULLIF('{line}', 'RX')
    """


def booked(kind: str, delta: int, reference: str) -> str:
    return f"""
        INSERT INTO pharmacy_ledger (id, lot_id, store, kind, delta, reference, occurred_at, recorded_at,
            recorded_by) SELECT gen_random_uuid(), l.id, 'MAIN', '{kind}', {delta}, {reference}, now(), now(),
            l.id FROM pharmacy_lot l WHERE l.number = 'EARLY'
    """


def back(disposition: str, store: str) -> str:
    return f"""
        INSERT INTO pharmacy_return
            (id, item_id, quantity, disposition, store, reason, recorded_at, recorded_by)
        SELECT gen_random_uuid(), i.id, 1, '{disposition}', '{store}', 'attack', now(), i.id
        FROM pharmacy_dispense_item i WHERE i.dispense_id = {HANDED}
    """


ENDS = "ended_by = id, ended_at = now(), reason = 'attack'"
ATTACKS = (
    (item("LATE"), "pharmacy_dispense_item_first_check"),
    (item("EARLY"), "pharmacy_dispense_ledger_check"),
    (item("BRAND"), "pharmacy_dispense_item_medicine_check"),
    (item("BRAND", medicine="'AMOX500'", reason="'attack'"), "pharmacy_dispense_item_medicine_check"),
    (item("SYRUP", reason="'attack'"), "pharmacy_dispense_item_medicine_check"),
    (item("EARLY", line="changed"), "pharmacy_dispense_item_line_check"),
    (item("EARLY", into=HANDED), "pharmacy_dispense_item_line_check"),
    (booked("dispense", -1, "NULL"), "pharmacy_dispense_ledger_check"),
    (booked("dispense", -1, "gen_random_uuid()"), "pharmacy_dispense_ledger_check"),
    (booked("dispense", -1, PREPARED), "pharmacy_dispense_ledger_check"),
    (booked("dispense_cancelled", 1, PREPARED), "pharmacy_dispense_ledger_check"),
    (booked("dispense_cancelled", 1, HANDED), "pharmacy_dispense_ledger_check"),
    (f"UPDATE pharmacy_dispense SET state = 'cancelled', {ENDS} WHERE state = 'prepared'",
     "pharmacy_dispense_ledger_check"),
    ("UPDATE pharmacy_dispense SET state = 'handed_over', handed_over_by = id, handed_over_at = now()"
     " WHERE state = 'prepared'", "pharmacy_line_sum_check"),
    ("UPDATE pharmacy_line SET dispensed = dispensed - 1 WHERE dispensed > 0", "pharmacy_line_sum_check"),
    ("UPDATE pharmacy_line SET dispensed = dispensed + 1", "pharmacy_line_sum_check"),
    ("UPDATE pharmacy_line SET returned = 1 WHERE dispensed > 0", "pharmacy_line_sum_check"),
    ("UPDATE pharmacy_line SET quantity = 7 WHERE dispensed > 0", "pharmacy_line_sum_check"),
    ("UPDATE pharmacy_line SET not_dispensed = 'attack' WHERE dispensed > 0", "pharmacy_line_sum_check"),
    ("UPDATE pharmacy_dispense SET store = 'ICU-CUP' WHERE state = 'handed_over'", "does not change"),
    ("UPDATE pharmacy_dispense SET handed_over_by = id WHERE state = 'handed_over'", "does not change"),
    ("INSERT INTO pharmacy_dispense SELECT gen_random_uuid(), prescription_id, store, state, prepared_by,"
     " prepared_at, handed_over_by, handed_over_at, NULL, NULL, NULL, 1 FROM pharmacy_dispense"
     " WHERE state = 'handed_over'", "pharmacy_dispense_move_check"),
    ("INSERT INTO pharmacy_dispense SELECT gen_random_uuid(), id, 'MAIN', 'prepared', id, now(), NULL, NULL,"
     " NULL, NULL, NULL, 1 FROM pharmacy_prescription WHERE state = 'stopped'",
     "pharmacy_dispense_in_force_check"),
    ("UPDATE pharmacy_prescription SET state = 'dispensed' WHERE state = 'partially_dispensed'",
     "pharmacy_prescription_dispensed_check"),
    (back("restock", "ICU-CUP"), "pharmacy_return_place_check"),
    (back("quarantine", "MAIN"), "pharmacy_return_place_check"),
    ("INSERT INTO pharmacy_write_off SELECT gen_random_uuid(), lot_id, store, 1, 'attack', 'approved', id,"
     " now(), gen_random_uuid(), now(), 1 FROM pharmacy_write_off", "pharmacy_write_off_booked_check"),
    ("UPDATE pharmacy_write_off SET state = 'approved', decided_by = id, decided_at = now()",
     "pharmacy_write_off_booked_check"),
    ("UPDATE pharmacy_lot SET expires_on = expires_on + 1", "stays what it is"),
    *((f"DELETE FROM pharmacy_{table}", "append-only")
      for table in ("lot", "dispense", "line", "prescription")),
)  # fmt: skip


async def test_the_database_holds_what_leaves_the_shelf_to_the_ledger_and_to_the_prescription(
    pharmacy: Pharmacy, query: Query
) -> None:
    service = pharmacy.services.pharmacy
    brand = {**FORMULARY[0], "code": "AMOX-B", "brand": "Betamox"}
    await service.define_medicine(SYSTEM, command(), MedicineIn.model_validate(brand))
    quarantine = StoreIn.model_validate({"code": "QUAR", "name": "Quarantine", "kind": "quarantine"})
    await service.define_store(SYSTEM, command(), quarantine)
    early = await receive(pharmacy, "EARLY", 30, "20")
    await receive(pharmacy, "OVER", -2, "20")  # in nobody's way, though not marked
    late = await receive(pharmacy, "LATE", 60, "20")
    await receive(pharmacy, "BRAND", 60, "20", "AMOX-B")
    await receive(pharmacy, "SYRUP", 60, "20", "PARA-SYR")
    wanted = WriteOffIn.model_validate(
        {"lot_id": str(early.lot_id), "store": "MAIN", "quantity": "3", "reason": "broken"}
    )
    await service.request_write_off(pharmacy.pharmacist, command(), wanted)
    other = await pharmacy.active()
    await service.stop(pharmacy.doctor, command(), other.id, WHY)
    rx = await pharmacy.active()
    await handed(pharmacy, rx, "6")
    await prepare(pharmacy, rx, "2")
    for statement, broken in ATTACKS:
        await refused_by(query, statement, broken)
    taken = await prepare(pharmacy, rx, "1", lot_id=str(late.lot_id), reason="blister for travel")
    assert [(one.lot_id, one.reason) for one in taken.items] == [(late.lot_id, "blister for travel")]
    await service.cancel_dispense(pharmacy.pharmacist, command(), taken.id, WHY)
    await agree(query)


def illegal(states: Iterable[str], moves: Mapping[Any, Mapping[Any, Any]]) -> list[tuple[str, str]]:
    """Every pair of states that no move of the program's table connects."""
    legal = {(before.value, after.value) for steps in moves.values() for before, after in steps.items()}
    return [(a, b) for a, b in product(states, states) if a != b and (a, b) not in legal]


async def test_no_dispense_and_no_prescription_moves_but_as_the_program_moves_it(
    pharmacy: Pharmacy, query: Query
) -> None:
    service, clerk = pharmacy.services.pharmacy, pharmacy.pharmacist
    await receive(pharmacy, "L1", 30, "100")
    rx = await pharmacy.active()
    everything = ReturnIn.model_validate({"reason": "not opened", "disposition": "restock"})
    await service.return_dispense(clerk, command(), (await handed(pharmacy, rx, "1")).id, everything)
    await service.cancel_dispense(clerk, command(), (await prepare(pharmacy, rx, "1")).id, WHY)
    await handed(pharmacy, rx, "1")
    await prepare(pharmacy, rx, "1")
    for before, after in illegal(DispenseState, dispense.MOVES):
        ended = ENDS if after in ("returned", "cancelled") else "reason = NULL, ended_by = NULL"
        move = (
            f"UPDATE pharmacy_dispense SET state = '{after}', handed_over_by = coalesce(handed_over_by, id),"
            f" {ended} WHERE state = '{before}'"
        )
        await refused_by(query, move, "cannot become")

    await pharmacy.draft()
    await pharmacy.active()
    for name in ("hold", "stop"):
        doing = getattr(service, name)
        await doing(pharmacy.doctor, command(), (await pharmacy.active()).id, WHY)
    await service.cancel_prescription(pharmacy.doctor, command(), (await pharmacy.draft()).id, WHY)
    await handed(pharmacy, await pharmacy.active(), "15")
    states = {row.state for row in await query("SELECT DISTINCT state FROM pharmacy_prescription")}
    assert states == {each.value for each in PrescriptionState}
    for before, after in illegal(PrescriptionState, prescription.MOVES):
        move = (
            f"UPDATE pharmacy_prescription SET state = '{after}', reason = 'attack' WHERE state = '{before}'"
        )
        await refused_by(query, move, "cannot become")
    await agree(query)
