"""Documents without a reference, on real servers and with a clock that the tests move."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.kernel.clock import ManualClock
from hms_rt.storage import mongo, orphans
from hms_rt.storage.mongo import DocumentRef
from hms_rt.storage.orphans import QUARANTINE, OrphanSweep, Swept

NAME = "papers"
DAY = timedelta(days=1)


class Archive:
    """Writes documents, with or without a row that refers to them, and looks where they are."""

    def __init__(self, hospital: Hospital, clock: ManualClock) -> None:
        self.engine, self.documents, self.clock = hospital.engine, hospital.documents, clock

    def sweep(self, **bounds: int) -> OrphanSweep:
        return OrphanSweep(self.engine, self.documents, self.clock, [NAME], **bounds)

    async def write(self, *, referred: bool) -> DocumentRef:
        ref = await self.documents.write(NAME, {"text": "words"})
        if referred:
            async with self.engine.begin() as connection:
                await mongo.refer(connection, ref)
        return ref

    async def forget(self, ref: DocumentRef) -> None:
        """What a restore from an older backup does: the row is gone."""
        async with self.engine.begin() as connection:
            await connection.execute(text("ALTER TABLE document_ref DISABLE TRIGGER append_only"))
            await connection.execute(text("DELETE FROM document_ref WHERE id = :id"), {"id": ref.id})

    async def new_epoch(self) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(
                text("UPDATE stream_epoch SET epoch = gen_random_uuid(), changed_at = :now"),
                {"now": self.clock.now()},
            )

    async def there(self, name: str = NAME) -> set[uuid.UUID]:
        return {one["_id"] async for one in self.documents.collection(name).find({}, {"_id": 1})}


@pytest.fixture
def archive(hospital: Hospital, clock: ManualClock) -> Archive:
    return Archive(hospital, clock)


async def test_an_orphan_is_quarantined_after_a_day_and_deleted_after_ninety(archive: Archive) -> None:
    kept, orphan = await archive.write(referred=True), await archive.write(referred=False)
    archive.clock.advance(DAY - timedelta(minutes=1))
    assert await archive.sweep().run() == Swept()
    archive.clock.advance(timedelta(minutes=2))
    assert await archive.sweep().run() == Swept(quarantined=1)
    assert (await archive.there(), await archive.there(QUARANTINE)) == ({kept.id}, {orphan.id})
    assert await archive.documents.read(kept) == {"text": "words"}
    archive.clock.advance(89 * DAY)
    assert await archive.sweep().run() == Swept()
    archive.clock.advance(2 * DAY)
    assert await archive.sweep().run() == Swept(deleted=1)
    assert (await archive.there(), await archive.there(QUARANTINE)) == ({kept.id}, set())


async def test_a_run_is_bounded_and_the_next_goes_on_where_it_stopped(archive: Archive) -> None:
    written = [await archive.write(referred=number % 2 == 0) for number in range(10)]
    archive.clock.advance(2 * DAY)
    sweep = archive.sweep(batch=2, batches=2)
    assert [await sweep.run() for _ in range(4)] == [Swept(2), Swept(2), Swept(1), Swept()]
    assert await archive.there() == {ref.id for ref in written[::2]}


async def test_a_new_epoch_pauses_for_a_day_and_then_everything_is_looked_at_again(archive: Archive) -> None:
    ref = await archive.write(referred=True)
    archive.clock.advance(2 * DAY)
    assert await archive.sweep().run() == Swept()
    await archive.forget(ref)
    assert await archive.sweep().run() == Swept()  # this epoch's walk is past it
    await archive.new_epoch()
    assert await archive.sweep().run() == Swept()
    archive.clock.advance(DAY - timedelta(minutes=1))
    assert await archive.sweep().run() == Swept()
    archive.clock.advance(timedelta(minutes=2))
    assert await archive.sweep().run() == Swept(quarantined=1)


async def test_what_is_referred_to_again_comes_back_at_once(archive: Archive) -> None:
    ref = await archive.write(referred=False)
    archive.clock.advance(2 * DAY)
    assert await archive.sweep().run() == Swept(quarantined=1)
    async with archive.engine.begin() as connection:
        await mongo.refer(connection, ref)  # the newer backup was restored after all
    await archive.new_epoch()
    assert await archive.sweep().run() == Swept(returned=1)
    assert await archive.documents.read(ref) == {"text": "words"}
    assert await archive.there(QUARANTINE) == set()


async def test_a_move_that_broke_off_is_done_again(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    orphan = await archive.write(referred=False)
    archive.clock.advance(2 * DAY)

    async def crash(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(OrphanSweep, "_remember", crash)
        with pytest.raises(ConnectionError):
            await archive.sweep().run()
    await archive.documents.collection(NAME).insert_one(
        {"_id": orphan.id, "body": {"text": "words"}, "written_at": orphan.written_at}
    )
    assert await archive.sweep().run() == Swept(quarantined=1)
    assert (await archive.there(), await archive.there(QUARANTINE)) == (set(), {orphan.id})


async def test_one_process_at_a_time(archive: Archive) -> None:
    await archive.write(referred=False)
    archive.clock.advance(2 * DAY)
    async with archive.engine.connect() as other:
        await other.execute(text("SELECT pg_advisory_lock(:key)"), {"key": orphans._LOCK})
        assert await archive.sweep().run() is None
        await other.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": orphans._LOCK})
    outcomes = await asyncio.gather(*(archive.sweep().run() for _ in range(3)))
    assert sum(swept.quarantined for swept in outcomes if swept is not None) == 1
