"""Stock on real servers: the ledger is the stock, two people write off, a recall finds everybody."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.exc import DBAPIError

from hms_rt.app import Hospital
from hms_rt.departments.notifications.schemas.notifications import NotificationQuery
from hms_rt.departments.pharmacy.model.dispense import DispenseState, Disposition
from hms_rt.departments.pharmacy.model.prescription import PrescriptionState
from hms_rt.departments.pharmacy.schemas.formulary import MedicineIn
from hms_rt.departments.pharmacy.schemas.prescriptions import When, Why
from hms_rt.departments.pharmacy.schemas.stock import (
    CountIn,
    LedgerQuery,
    NotDispensedIn,
    RecallIn,
    ReturnIn,
    StockQuery,
    TransferIn,
    WriteOffIn,
)
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from tests.conftest import PersonFactory, command
from tests.pharmacy.conftest import FORMULARY, Pharmacy, Query, line, refused
from tests.pharmacy.shelves import agree, prepare, receive
from tests.pharmacy.stock_machine import StockCommands

WHY = Why(reason="changed")
S = DispenseState


async def test_a_prescription_is_dispensed_in_parts_from_what_expires_first(
    pharmacy: Pharmacy, query: Query
) -> None:
    service, clerk = pharmacy.services.pharmacy, pharmacy.pharmacist
    late = await receive(pharmacy, "LATE", 400, "100")
    soon = await receive(pharmacy, "SOON", 30, "4")
    await receive(pharmacy, "OVER", -2, "50")
    rx = await pharmacy.active()
    first = await prepare(pharmacy, rx, "6")
    assert [(one.lot_id, str(one.quantity)) for one in first.items] == [
        (soon.lot_id, "4"),
        (late.lot_id, "2"),
    ]
    await refused(Code.CONFLICT, prepare(pharmacy, rx, "10"))  # 9 are left
    handed = await service.hand_over(clerk, command(), first.id, When())
    assert handed.state is S.HANDED_OVER
    now = await service.prescription(clerk, command(), rx.id)
    assert (now.state, now.lines[0].dispensed) == (PrescriptionState.PARTIALLY_DISPENSED, Decimal(6))
    rest = await prepare(pharmacy, rx, "9")
    cancelled = await service.cancel_dispense(clerk, command(), rest.id, WHY)
    assert cancelled.state is S.CANCELLED
    await refused(Code.ILLEGAL_MOVE, service.hand_over(clerk, command(), rest.id, When()))
    rest = await prepare(pharmacy, rx, "9")
    await service.hand_over(clerk, command(), rest.id, When())
    now = await service.prescription(clerk, command(), rx.id)
    assert now.state is PrescriptionState.DISPENSED
    await refused(Code.ILLEGAL_MOVE, prepare(pharmacy, rx, "1"))
    await service.return_dispense(
        clerk, command(), rest.id, ReturnIn(reason="not opened", disposition=Disposition.RESTOCK)
    )
    listed = await service.stock(clerk, StockQuery(store="MAIN", medicine="AMOX500"))
    assert {one.lot: str(one.quantity) for one in listed.items} == {"LATE": "98", "OVER": "50"}
    ledger = await service.ledger(clerk, LedgerQuery(lot_id=late.lot_id))
    assert [(one.kind, str(one.delta)) for one in ledger.items] == [
        ("return", "9"),
        ("dispense", "-9"),
        ("dispense_cancelled", "9"),
        ("dispense", "-9"),
        ("dispense", "-2"),
        ("receive", "100"),
    ]
    await agree(query)


async def test_a_later_lot_and_a_substitute_need_their_reasons(pharmacy: Pharmacy, query: Query) -> None:
    brand = {**FORMULARY[0], "code": "AMOX-B", "brand": "Betamox"}
    service = pharmacy.services.pharmacy
    await service.define_medicine(SYSTEM, command(), MedicineIn.model_validate(brand))
    await receive(pharmacy, "SOON", 30, "10")
    late = await receive(pharmacy, "LATE", 400, "10")
    await receive(pharmacy, "B1", 400, "10", "AMOX-B")
    rx = await pharmacy.active()
    lot = str(late.lot_id)
    await refused(Code.CONFLICT, prepare(pharmacy, rx, "1", lot_id=lot))
    taken = await prepare(pharmacy, rx, "1", lot_id=lot, reason="blister for travel")
    assert (taken.items[0].lot_id, taken.items[0].reason) == (late.lot_id, "blister for travel")
    await refused(Code.INVALID, prepare(pharmacy, rx, "1", medicine="AMOX-B"))
    await refused(Code.INVALID, prepare(pharmacy, rx, "1", medicine="PARA-SYR", reason="the same"))
    other = await prepare(pharmacy, rx, "1", medicine="AMOX-B", reason="patient knows it")
    assert other.items[0].medicine == "AMOX-B"
    await refused(Code.CONFLICT, prepare(pharmacy, rx, "13.0001"))
    await agree(query)


async def test_the_rest_is_not_dispensed_with_a_reason(pharmacy: Pharmacy) -> None:
    service, clerk = pharmacy.services.pharmacy, pharmacy.pharmacist
    rx = await pharmacy.active(line(), line("PARA-SYR", "120"))
    for number, one in enumerate(rx.lines):
        told = NotDispensedIn(line_id=one.id, reason="the patient has some")
        now = await service.not_dispensed(clerk, command(), rx.id, told)
        state = (PrescriptionState.ACTIVE, PrescriptionState.DISPENSED)[number]
        assert (now.state, now.lines[number].not_dispensed) == (state, "the patient has some")
    heard = await pharmacy.services.notifications.list_own(pharmacy.doctor, NotificationQuery())
    assert [(one.title, one.patient_id) for one in reversed(heard.items)] == [
        (f"Not dispensed: {one.name}", rx.patient_id) for one in rx.lines
    ]


async def test_a_recall_stops_the_lot_and_names_who_got_some(pharmacy: Pharmacy, query: Query) -> None:
    service, clerk = pharmacy.services.pharmacy, pharmacy.pharmacist
    here = await receive(pharmacy, "BAD", 30, "20")
    rx, other = await pharmacy.active(), await pharmacy.active(patient_id=await pharmacy.patient("Noether"))
    made = await prepare(pharmacy, rx, "3")
    await service.hand_over(clerk, command(), made.id, When())
    await prepare(pharmacy, other, "2")
    cup = TransferIn(lot_id=here.lot_id, from_store="MAIN", to_store="ICU-CUP", quantity=Decimal(5))
    moved = await service.transfer(clerk, command(), cup)
    assert (str(moved.left), str(moved.arrived)) == ("10", "5")
    recalled = await service.recall(clerk, command(), here.lot_id, RecallIn(reason="glass in vials"))
    assert [(one.patient_name, one.state, str(one.quantity)) for one in recalled.recipients] == [
        ("Curie", "handed_over", "3"),
        ("Noether", "prepared", "2"),
    ]
    assert {(one.store, str(one.quantity)) for one in recalled.stock} == {("ICU-CUP", "5"), ("MAIN", "10")}
    await refused(Code.CONFLICT, prepare(pharmacy, other, "1"))
    await refused(Code.CONFLICT, service.transfer(clerk, command(), cup))
    await refused(Code.CONFLICT, service.recall(clerk, command(), here.lot_id, RecallIn(reason="again")))
    await agree(query)


async def test_a_write_off_takes_another_person_and_a_count_books_the_difference(
    pharmacy: Pharmacy, person: PersonFactory, query: Query
) -> None:
    service, clerk = pharmacy.services.pharmacy, pharmacy.pharmacist
    both = await person(Role.ADMIN, Role.PHARMACY)
    admin = await person(Role.ADMIN)
    here = await receive(pharmacy, "L1", 30, "20")
    wanted = WriteOffIn(lot_id=here.lot_id, store="MAIN", quantity=Decimal(3), reason="broken")
    asked = await service.request_write_off(both, command(), wanted)
    await refused(Code.FORBIDDEN, service.approve_write_off(clerk, command(), asked.id))
    await refused(Code.FORBIDDEN, service.approve_write_off(both, command(), asked.id))
    assert (await service.stock(clerk, StockQuery(store="MAIN"))).items[0].quantity == 20
    await service.approve_write_off(admin, command(), asked.id)
    await refused(Code.ILLEGAL_MOVE, service.refuse_write_off(admin, command(), asked.id))
    told = CountIn(lot_id=here.lot_id, store="MAIN", counted=Decimal("15.5"), reason="shelf count")
    counted = await service.count(clerk, command(), told)
    assert (counted.expected, counted.variance) == (Decimal(17), Decimal("-1.5"))
    await agree(query)


ADD = """
    INSERT INTO pharmacy_ledger (id, lot_id, store, kind, delta, reference, reason, occurred_at, recorded_at,
        recorded_by) SELECT gen_random_uuid(), lot_id, store, {kind}, {delta}, {reference}, 'attack',
        occurred_at, recorded_at, recorded_by FROM pharmacy_ledger LIMIT 1
"""
ATTACKS = (
    (ADD.format(kind="'dispense'", delta="-21", reference="NULL"), "pharmacy_stock_quantity_check"),
    (ADD.format(kind="'receive'", delta="-1", reference="NULL"), "pharmacy_ledger_delta_check"),
    (ADD.format(kind="'receive'", delta="0.00001", reference="NULL"), "pharmacy_ledger_delta_check"),
    (ADD.format(kind="'gift'", delta="1", reference="NULL"), "pharmacy_ledger_delta_check"),
    (ADD.format(kind="'write_off'", delta="-3", reference="NULL"), "not approved"),
    (ADD.format(kind="'write_off'", delta="-3", reference="(SELECT id FROM pharmacy_write_off)"), "not app"),
    (ADD.format(kind="'transfer_out'", delta="-3", reference="gen_random_uuid()"), "does not balance"),
    ("UPDATE pharmacy_stock SET quantity = 99", "follows the ledger alone"),
    ("DELETE FROM pharmacy_stock", "follows the ledger alone"),
    ("INSERT INTO pharmacy_stock SELECT lot_id, 'ICU-CUP', 5 FROM pharmacy_stock", "follows the ledger"),
    ("UPDATE pharmacy_ledger SET delta = 1", "append-only"),
    ("DELETE FROM pharmacy_ledger", "append-only"),
    ("UPDATE pharmacy_dispense_item SET quantity = 1", "append-only"),
    ("UPDATE pharmacy_write_off SET state = 'approved', decided_by = requested_by, decided_at = now()",
     "pharmacy_write_off_two_people_check"),
    ("UPDATE pharmacy_write_off SET state = 'approved'", "pharmacy_write_off_decided_check"),
    ("UPDATE pharmacy_write_off SET quantity = 1", "rewritten"),
    ("DELETE FROM pharmacy_write_off", "append-only"),
    ("UPDATE pharmacy_dispense SET state = 'handed_over'", "pharmacy_dispense_handed_over_check"),
    ("UPDATE pharmacy_dispense SET state = 'cancelled'", "pharmacy_dispense_ended_check"),
)  # fmt: skip


async def test_the_database_holds_its_rules_against_direct_sql(pharmacy: Pharmacy, query: Query) -> None:
    here = await receive(pharmacy, "L1", 30, "20")
    wanted = WriteOffIn(lot_id=here.lot_id, store="MAIN", quantity=Decimal(3), reason="broken")
    await pharmacy.services.pharmacy.request_write_off(pharmacy.pharmacist, command(), wanted)
    await prepare(pharmacy, await pharmacy.active(), "1")
    for statement, broken in ATTACKS:
        with pytest.raises(DBAPIError, match=broken):
            await query(statement)
    await query("UPDATE pharmacy_lot SET recall_reason = 'x', recalled_at = now(), recalled_by = id")
    with pytest.raises(DBAPIError, match="is recalled"):
        await query(ADD.format(kind="'dispense'", delta="-1", reference="NULL"))
    await agree(query)


async def test_the_room_of_stock_equals_its_changes(
    pharmacy: Pharmacy, query: Query, hospital: Hospital
) -> None:
    first = await receive(pharmacy, "L1", 30, "2")
    await receive(pharmacy, "L2", 40, "20")
    await prepare(pharmacy, await pharmacy.active(), "5")
    state: dict[str, Any] = {}
    for row in await query(
        "SELECT ops FROM change_log WHERE stream = 'pharmacy/stock:MAIN' ORDER BY version"
    ):
        for op in row.ops:
            if op["op"] == "put":
                state[op["key"]] = op["value"]
            else:
                state.pop(op["key"], None)
    async with hospital.units.reading() as connection:
        assert state == await pharmacy.services.pharmacy.stock_state(connection, "MAIN")
    assert f"lot:{first.lot_id}" not in state
    assert [one["quantity"] for key, one in state.items() if key.startswith("lot:")] == ["17"]
    assert state["medicine:AMOX500"]["usable"] == "17"


async def test_the_ledger_is_the_stock_after_any_sequence_of_commands(
    pharmacy: Pharmacy, query: Query, person: PersonFactory
) -> None:
    """Hypothesis draws the commands in a thread of its own; they run here, on the real database."""
    done: set[str] = set()
    bound = {
        "loop": asyncio.get_running_loop(),
        "pharmacy": pharmacy,
        "admin": await person(Role.ADMIN),
        "query": staticmethod(query),
        "prescriptions": [await pharmacy.active() for _ in range(3)],
        "done": done,
    }
    machine = type("Bound", (StockCommands,), bound)
    checks = settings(
        max_examples=12,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=checks)
    assert {"receive", "transfer", "count", "ask", "prepare"} <= done, done
    given_out = await query(
        """
        SELECT l.dispensed, coalesce(sum(i.quantity) FILTER (WHERE d.handed_over_at IS NOT NULL), 0) AS out
        FROM pharmacy_line l LEFT JOIN pharmacy_dispense_item i ON i.line_id = l.id
        LEFT JOIN pharmacy_dispense d ON d.id = i.dispense_id GROUP BY l.id
        """
    )
    assert all(row.dispensed == row.out for row in given_out)


async def test_many_at_once_leave_the_ledger_and_the_stock_equal(pharmacy: Pharmacy, query: Query) -> None:
    rng = random.Random(5)
    lots = [await receive(pharmacy, f"L{number}", 30 + number, "40") for number in range(3)]
    prescriptions = [await pharmacy.active() for _ in range(8)]
    service, clerk = pharmacy.services.pharmacy, pharmacy.pharmacist

    async def one() -> None:
        lot = rng.choice(lots).lot_id
        stores = rng.sample(["MAIN", "ICU-CUP"], 2)
        doing: Callable[[], Awaitable[object]] = rng.choice(
            [
                lambda: prepare(pharmacy, rng.choice(prescriptions), "5"),
                lambda: service.transfer(
                    clerk,
                    command(),
                    TransferIn(lot_id=lot, from_store=stores[0], to_store=stores[1], quantity=Decimal(7)),
                ),
                lambda: service.count(
                    clerk,
                    command(),
                    CountIn(lot_id=lot, store="MAIN", counted=Decimal(30), reason="shelf count"),
                ),
            ]
        )
        try:
            await doing()
        except HmsError as error:
            if error.code not in {Code.CONFLICT, Code.NOT_FOUND, Code.ILLEGAL_MOVE}:
                raise

    for _ in range(3):
        await asyncio.gather(*(one() for _ in range(20)))
        await agree(query)
