"""A recall tells those who keep the lot, and those who treat whoever got some; a store is counted at once."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.notifications.schemas.notifications import NotificationQuery
from hms_rt.departments.pharmacy.model.dispense import Disposition
from hms_rt.departments.pharmacy.model.stock import WriteOffState
from hms_rt.departments.pharmacy.schemas.prescriptions import When
from hms_rt.departments.pharmacy.schemas.stock import (
    RecallIn,
    ReturnIn,
    StockQuery,
    TransferIn,
    WriteOffIn,
    WriteOffQuery,
)
from hms_rt.departments.pharmacy.schemas.stocktaking import StocktakeIn
from hms_rt.departments.pharmacy.service import recalls
from hms_rt.kernel.errors import Code
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from tests.conftest import PersonFactory, command
from tests.pharmacy.conftest import Pharmacy, Query, refused
from tests.pharmacy.shelves import agree, prepare, receive


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores) -> AsyncIterator[Hospital]:
    """Not started: timers fire when a test lets them."""
    made = Hospital(settings, stores)
    yield made
    await made.close()


async def told(pharmacy: Pharmacy, who: Principal) -> list[tuple[str, Any]]:
    """Titles and patients of what is about a recall."""
    listed = await pharmacy.services.notifications.list_own(who, NotificationQuery())
    return sorted((one.title, one.patient_id) for one in listed.items if one.kind == "lot_recalled")


async def test_a_recall_reaches_stores_doctors_and_wards_each_once(
    pharmacy: Pharmacy,
    hospital: Hospital,
    person: PersonFactory,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recalls, "TOLD_PER_RUN", 2)
    service, clerk = pharmacy.services.pharmacy, pharmacy.pharmacist
    elsewhere = await person(Role.NURSE, ward="MED")
    here = await receive(pharmacy, "BAD", 300, "100")
    (bed,) = await query("SELECT id FROM beds_bed ORDER BY id LIMIT 1")  # of ICU, made first
    inside = await pharmacy.inpatient(bed.id)
    given = [await pharmacy.active(patient_id=inside.patient_id, admission_id=inside.id)]
    given += [await pharmacy.active() for _ in range(4)]
    made = [await prepare(pharmacy, rx, "3") for rx in given]
    for one in made[:4]:
        await service.hand_over(clerk, command(), one.id, When())
    returned = ReturnIn(reason="not opened", disposition=Disposition.RESTOCK)
    await service.return_dispense(clerk, command(), made[3].id, returned)
    cup = TransferIn(lot_id=here.lot_id, from_store="MAIN", to_store="ICU-CUP", quantity=Decimal(5))
    await service.transfer(clerk, command(), cup)
    recalled = await service.recall(clerk, command(), here.lot_id, RecallIn(reason="glass in vials"))
    assert (len(recalled.recipients), recalled.more_recipients) == (5, False)
    for _ in range(5):
        await hospital.durable_timers.run_due()

    title = "Recalled: lot BAD of Amoxicillin 500 mg capsule; a patient of yours got 3 capsule of it"
    shelf = "{}: lot BAD of AMOX500 is recalled: take it off the shelf"
    outside = sorted(rx.patient_id for rx in given[1:3])
    doctors = sorted((title, patient) for patient in (inside.patient_id, *outside))
    assert await told(pharmacy, pharmacy.doctor) == doctors
    assert await told(pharmacy, pharmacy.nurse) == [
        (shelf.format("ICU-CUP"), None),
        (title, inside.patient_id),
    ]
    assert await told(pharmacy, clerk) == [(shelf.format("ICU-CUP"), None), (shelf.format("MAIN"), None)]
    assert await told(pharmacy, elsewhere) == []
    first = await service.recipients(clerk, command(), here.lot_id, PageQuery(limit=3))
    rest = PageQuery(limit=3, cursor=first.next_cursor)
    second = await service.recipients(clerk, command(), here.lot_id, rest)
    got = [(one.patient_id, one.state, str(one.returned)) for one in [*first.items, *second.items]]
    assert [patient for patient, _, _ in got] == [rx.patient_id for rx in given]
    assert [state for _, state, _ in got] == ["handed_over"] * 3 + ["returned", "prepared"]
    await refused(Code.FORBIDDEN, service.recipients(pharmacy.doctor, command(), here.lot_id, PageQuery()))


async def test_a_store_is_counted_whole_or_not_at_all(
    pharmacy: Pharmacy, person: PersonFactory, query: Query
) -> None:
    service, clerk = pharmacy.services.pharmacy, pharmacy.pharmacist
    lots = [await receive(pharmacy, f"L{number}", 300 + number, "10") for number in range(3)]
    away = await receive(pharmacy, "AWAY", 300, "10", store="ICU-CUP")

    def counted(*much: str, **more: str) -> StocktakeIn:
        lines = [
            {"lot_id": str(one.lot_id), "counted": each}
            for one, each in zip([*lots, away], much, strict=False)
        ]
        lines += [{"lot_id": lot, "counted": each} for lot, each in more.items()]
        return StocktakeIn.model_validate({"lines": lines, "reason": "end of the year"})

    unknown = counted("9", **{"00000000-0000-7000-8000-000000000000": "1"})
    await refused(Code.NOT_FOUND, service.take_stock(clerk, command(), "MAIN", unknown))
    listed = await service.stock(clerk, StockQuery(store="MAIN"))
    assert {one.quantity for one in listed.items} == {10}
    done = await service.take_stock(clerk, command(), "MAIN", counted("8.5", "10", "0", "2"))
    assert [str(one.variance) for one in done.counts] == ["-1.5", "0", "-10", "2"]
    listed = await service.stock(clerk, StockQuery(store="MAIN"))
    assert {one.lot: str(one.quantity) for one in listed.items} == {"L0": "8.5", "L1": "10", "AWAY": "2"}
    booked = await query("SELECT count(*) FROM pharmacy_ledger WHERE kind = 'count'")
    assert booked[0].count == 3
    await refused(Code.FORBIDDEN, service.take_stock(pharmacy.nurse, command(), "MAIN", counted("1")))

    admin = await person(Role.ADMIN)
    for lot in lots[:2]:
        wanted = WriteOffIn(lot_id=lot.lot_id, store="MAIN", quantity=Decimal(1), reason="broken")
        asked = await service.request_write_off(clerk, command(), wanted)
    await service.approve_write_off(admin, command(), asked.id)
    waiting = await service.write_offs(admin, WriteOffQuery(state=WriteOffState.REQUESTED, store="MAIN"))
    assert [one.lot_id for one in waiting.items] == [lots[0].lot_id]
    every = await service.write_offs(clerk, WriteOffQuery(limit=1))
    assert (every.items[0].id, every.next_cursor is not None) == (asked.id, True)
    await service.stock(SYSTEM, StockQuery())
    await agree(query)
