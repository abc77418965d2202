"""Low stock and expiry: told once to the pharmacists of the store, shown as flags, kept by the database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import pytest_asyncio
from sqlalchemy.exc import DBAPIError

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.notifications.schemas.notifications import NotificationQuery
from hms_rt.departments.pharmacy.model.shelf import StockStanding
from hms_rt.departments.pharmacy.schemas.formulary import StoreChange, StoreIn
from hms_rt.departments.pharmacy.schemas.levels import LevelIn, LevelQuery
from hms_rt.departments.pharmacy.schemas.prescriptions import When
from hms_rt.departments.pharmacy.schemas.stock import (
    CountIn,
    RecallIn,
    ReceiptIn,
    StockOut,
    StockQuery,
    TransferIn,
)
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from tests.conftest import PersonFactory, command
from tests.pharmacy.conftest import Pharmacy, Query, refused
from tests.pharmacy.shelves import agree, prepare, shelves_agree

START = datetime(2026, 6, 1, 9, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores, clock: ManualClock) -> AsyncIterator[Hospital]:
    """Not started: timers fire when a test lets them. In Vienna it is two hours later."""
    in_vienna = settings.model_copy(update={"facility_timezone": "Europe/Vienna"})
    made = Hospital(in_vienna, stores, clock=clock)
    yield made
    await made.close()


async def receive(pharmacy: Pharmacy, lot: str, expires: str, quantity: str) -> StockOut:
    goods = {"medicine": "AMOX500", "lot": lot, "expires_on": expires, "quantity": quantity}
    new = ReceiptIn.model_validate(goods)
    return await pharmacy.services.pharmacy.receive(pharmacy.pharmacist, command(), "MAIN", new)


async def count(pharmacy: Pharmacy, here: StockOut, counted: int) -> None:
    told = CountIn(lot_id=here.lot_id, store="MAIN", counted=Decimal(counted), reason="shelf count")
    await pharmacy.services.pharmacy.count(pharmacy.pharmacist, command(), told)


def set_to(clock: ManualClock, at: datetime) -> None:
    clock.advance(at - clock.now())


async def told(pharmacy: Pharmacy, who: Principal) -> list[str]:
    """Titles, oldest first."""
    listed = await pharmacy.services.notifications.list_own(who, NotificationQuery())
    return [one.title for one in reversed(listed.items)]


async def test_low_stock_is_told_once_to_the_pharmacists_of_the_store(
    pharmacy: Pharmacy, person: PersonFactory, query: Query
) -> None:
    service, clerk = pharmacy.services.pharmacy, pharmacy.pharmacist
    here = await receive(pharmacy, "L1", "2030-01-31", "25")
    level = LevelIn(reorder_level=Decimal(20))
    made = await service.set_level(clerk, command(), "MAIN", "AMOX500", level)
    assert (made.low, made.version, made.usable) == (False, 1, Decimal(25))
    await refused(
        Code.STALE_VERSION, service.set_level(clerk, command(expected_version=7), "MAIN", "AMOX500", level)
    )
    await count(pharmacy, here, 21)
    assert await told(pharmacy, clerk) == []
    await count(pharmacy, here, 20)
    once = ["MAIN: 20 capsule of Amoxicillin 500 mg capsule left, order at 20"]
    assert await told(pharmacy, clerk) == once
    await count(pharmacy, here, 3)
    await count(pharmacy, here, 4)
    assert await told(pharmacy, clerk) == once
    assert [one.medicine for one in (await service.levels(clerk, LevelQuery(low=True))).items] == ["AMOX500"]
    assert (await service.levels(clerk, LevelQuery(low=False))).items == []

    at_main = await person(Role.PHARMACY, counter="MAIN")
    other = await receive(pharmacy, "L2", "2030-01-31", "50")
    assert (await service.level(clerk, "MAIN", "AMOX500")).low is False
    await service.recall(clerk, command(), other.lot_id, RecallIn(reason="glass in vials"))
    (shelf,) = (await service.levels(clerk, LevelQuery(store="MAIN"))).items
    assert (shelf.usable, shelf.low) == (Decimal(4), True)  # what is recalled is nothing to hand over
    assert await told(pharmacy, clerk) == once  # those who work at that store are told, nobody else
    assert [title for title in await told(pharmacy, at_main) if "order at" in title] == [
        "MAIN: 4 capsule of Amoxicillin 500 mg capsule left, order at 20"
    ]
    await service.set_level(clerk, command(), "MAIN", "AMOX500", LevelIn(reorder_level=None))
    assert (await service.levels(clerk, LevelQuery(low=True))).items == []
    await refused(Code.FORBIDDEN, service.set_level(pharmacy.doctor, command(), "MAIN", "AMOX500", level))
    quarantine = StoreIn.model_validate({"code": "QUAR", "name": "Quarantine", "kind": "quarantine"})
    await service.define_store(SYSTEM, command(), quarantine)
    await refused(Code.CONFLICT, service.set_level(clerk, command(), "QUAR", "AMOX500", level))
    await agree(query)


async def test_a_lot_is_told_of_before_it_expires_and_when_it_has_and_leaves_for_nobody_then(
    pharmacy: Pharmacy, hospital: Hospital, clock: ManualClock, query: Query
) -> None:
    service, clerk, timers = pharmacy.services.pharmacy, pharmacy.pharmacist, hospital.durable_timers
    await timers.run_due()
    here = await receive(pharmacy, "SOON", "2026-09-10", "30")  # in 101 days
    await receive(pharmacy, "LATE", "2030-01-31", "30")
    await service.set_level(clerk, command(), "MAIN", "AMOX500", LevelIn(reorder_level=Decimal(40)))

    async def standing(which: StockStanding) -> list[str]:
        listed = await service.stock(clerk, StockQuery(store="MAIN", standing=which))
        return sorted(one.lot for one in listed.items)

    async def midnight(days: int) -> None:
        """A minute past it, by the clocks of Vienna, so many days after the start."""
        set_to(clock, datetime(2026, 5, 31, 22, 1, tzinfo=UTC) + timedelta(days=days))
        while await timers.run_due():
            pass

    await midnight(10)
    assert await told(pharmacy, clerk) == []
    await midnight(11)  # 12 June: 90 days to the last day of use
    near = "MAIN: lot SOON of AMOX500, 2026-09-10: use first"
    assert await told(pharmacy, clerk) == [near]
    assert await standing(StockStanding.NEAR_EXPIRY) == ["SOON"]
    await count(pharmacy, here, 29)
    await midnight(12)
    assert await told(pharmacy, clerk) == [near]

    nearer = StoreChange(near_expiry_days=30)
    await service.change_store(SYSTEM, command(), "MAIN", nearer)
    await timers.run_due()
    assert await standing(StockStanding.NEAR_EXPIRY) == []
    await service.change_store(SYSTEM, command(), "MAIN", StoreChange(near_expiry_days=None))
    await timers.run_due()
    assert await told(pharmacy, clerk) == [near, near]

    rx = await pharmacy.active()
    waiting = await prepare(pharmacy, rx, "2")
    set_to(clock, datetime(2026, 9, 10, 21, 59, tzinfo=UTC))  # the last minute of its last day in Vienna
    assert (await prepare(pharmacy, rx, "1")).items[0].lot_id == here.lot_id
    set_to(clock, datetime(2026, 9, 10, 22, 1, tzinfo=UTC))
    problem = await refused(Code.CONFLICT, service.hand_over(clerk, command(), waiting.id, When()))
    assert "expired" in problem.detail  # before any timer has fired
    while await timers.run_due():
        pass
    assert await standing(StockStanding.EXPIRED) == ["SOON"]
    assert await standing(StockStanding.USABLE) == ["LATE"]
    assert (await service.level(clerk, "MAIN", "AMOX500")).usable == 30
    assert (await told(pharmacy, clerk))[2:] == [
        "MAIN: lot SOON of AMOX500, 2026-09-10: write off",
        "MAIN: 30 capsule of Amoxicillin 500 mg capsule left, order at 40",
    ]
    cup = TransferIn(lot_id=here.lot_id, from_store="MAIN", to_store="ICU-CUP", quantity=Decimal(1))
    await refused(Code.CONFLICT, service.transfer(clerk, command(), cup))
    await receive(pharmacy, "DEAD", "2026-09-01", "5")  # came in expired: told at once
    assert await timers.run_due() == 1
    assert (await told(pharmacy, clerk))[4:] == ["MAIN: lot DEAD of AMOX500, 2026-09-01: write off"]
    assert (await service.level(clerk, "MAIN", "AMOX500")).usable == 30
    await shelves_agree(query)
    async with hospital.units.reading() as connection:
        state = await service.stock_state(connection, "MAIN") or {}
    flags = {one["lot"]: one["expired"] for key, one in state.items() if key.startswith("lot:")}
    assert flags == {"SOON": True, "LATE": False, "DEAD": True}
    assert state["medicine:AMOX500"]["low"] is True


ATTACKS = (
    ("UPDATE pharmacy_shelf SET usable = 99", "follows the ledger alone"),
    ("DELETE FROM pharmacy_shelf", "follows the ledger alone"),
    ("INSERT INTO pharmacy_shelf (store, medicine, usable) VALUES ('ICU-CUP', 'AMOX500', 5)", "ledger alone"),
    ("UPDATE pharmacy_shelf SET reorder_level = -1", "pharmacy_shelf_reorder_level_check"),
    ("UPDATE pharmacy_shelf SET low = true", "only be updated to DEFAULT"),
    ("UPDATE pharmacy_lot SET expired_at = NULL WHERE number = 'OVER'", "stays what it is"),
    ("UPDATE pharmacy_lot SET medicine = 'MORPH10'", "stays what it is"),
    ("UPDATE pharmacy_store SET near_expiry_days = 0", "pharmacy_store_near_expiry_days_check"),
    ("INSERT INTO pharmacy_expiry_notice SELECT store, lot_id, 'soon', now() FROM pharmacy_stock",
     "pharmacy_expiry_notice_kind_check"),
    ("INSERT INTO pharmacy_expiry_notice SELECT * FROM pharmacy_expiry_notice", "expiry_notice_pkey"),
)  # fmt: skip


async def test_the_database_keeps_shelves_and_what_was_told(
    pharmacy: Pharmacy, hospital: Hospital, query: Query
) -> None:
    await receive(pharmacy, "L1", "2030-01-31", "20")
    await receive(pharmacy, "OVER", "2026-05-01", "5")
    while await hospital.durable_timers.run_due():
        pass
    for statement, broken in ATTACKS:
        with pytest.raises(DBAPIError, match=broken):
            await query(statement)
    await query("UPDATE pharmacy_lot SET expired_at = now() WHERE number = 'L1'")
    assert [row.usable for row in await query("SELECT usable FROM pharmacy_shelf")] == [0]
    await shelves_agree(query)
