"""What patients are told: the wait that was promised against the one that came, and announcements."""

from datetime import date, timedelta

import pytest

from hms_rt.departments.opd.model.announcing import TEXTS, announcement
from hms_rt.departments.opd.schemas.queue import TransferIn
from hms_rt.departments.opd.schemas.waits import AnnouncementsIn, WaitErrors, WaitsQuery
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.opd.bookings import Bookings
from tests.opd.conftest import NOW, Opd, Query, refused

MINUTE = timedelta(minutes=1)


async def serve_one(opd: Opd, clock: ManualClock, minutes: int) -> None:
    called = await opd.call_next()
    await opd.service.serve(SYSTEM, command(), called.id, NOW)
    clock.advance(minutes * MINUTE)
    await opd.service.done(SYSTEM, command(), called.id, NOW)


async def test_a_promise_is_kept_beside_what_came_and_told_in_figures(opd: Opd, clock: ManualClock) -> None:
    await opd.service.close_counter(SYSTEM, command(), "G2")
    for _ in range(5):
        await opd.issue()
    for _ in range(5):
        await serve_one(opd, clock, 10)
    first, second = await opd.issue(), await opd.issue()
    told = await opd.service.token(SYSTEM, command(), second.id)
    assert told.wait is not None
    assert (told.wait.ahead, told.wait.p50_s, told.wait.promised_p50_s) == (1, 600, 600)
    await serve_one(opd, clock, 13)  # the first, who was promised no wait
    await opd.call(second)
    await opd.service.recall(SYSTEM, command(), second.id, NOW)
    clock.advance(MINUTE)
    await opd.call(second)  # the second call is no other wait
    await opd.issue()
    waits = await opd.service.waits(SYSTEM, "GEN", WaitsQuery())
    assert waits.walk_ins == WaitErrors(
        compared=2,
        not_called=1,
        not_promised=5,
        mean_wait_s=waits.walk_ins.mean_wait_s,
        mean_error_s=90.0,
        mean_absolute_error_s=90.0,
        within_p50=0.5,
        within_p90=0.5,
    )
    assert waits.walk_ins.mean_wait_s == pytest.approx((0 + 600 + 1200 + 1800 + 2400 + 0 + 780) / 7)
    assert waits.appointments.compared == 0
    assert first.number == 6
    other = WaitsQuery(first_day=date(2026, 3, 1), last_day=date(2026, 3, 1))
    assert (await opd.service.waits(SYSTEM, "GEN", other)).walk_ins.not_promised == 0
    endless = WaitsQuery(first_day=date(2025, 1, 1), last_day=date(2026, 3, 1))
    await refused(Code.INVALID, opd.service.waits(SYSTEM, "GEN", endless))


async def test_who_is_early_is_promised_to_wait_for_the_time_of_the_appointment(
    bookings: Bookings, opd: Opd, clock: ManualClock, query: Query
) -> None:
    for _ in range(5):
        await opd.issue()
    for _ in range(5):
        await serve_one(opd, clock, 1)
    await bookings.schedule()
    arrived = await bookings.arrive(await bookings.book((await bookings.today())[0]))
    told = await opd.service.token(SYSTEM, command(), arrived.token.id)
    assert told.wait is not None
    assert (told.wait.ahead, told.wait.p50_s) == (0, 55 * 60)
    assert (await query("SELECT count(*) FROM opd_wait WHERE appointment"))[0].count == 1


async def test_a_number_keeps_its_way_and_its_place_when_it_comes_back(opd: Opd, clock: ManualClock) -> None:
    service, away, home = opd.service, TransferIn(clinic="EYE"), TransferIn(clinic="GEN")
    first, later = await opd.issue(), await opd.issue()
    await opd.call(first)
    await service.serve(SYSTEM, command(), first.id, NOW)
    clock.advance(MINUTE)
    over_there = await service.transfer(SYSTEM, command(), first.id, away)
    assert over_there.queued_at == clock.now()
    await opd.call_next("E1", "EYE")
    await service.serve(SYSTEM, command(), over_there.id, NOW)
    clock.advance(MINUTE)
    back = await service.transfer(SYSTEM, command(), over_there.id, home)
    assert (back.label, back.queued_at) == (first.label, first.queued_at)
    assert (await opd.call_next()).id == back.id, f"before {later.label}, who came after it"
    ways = [(await service.history(SYSTEM, command(), each.id)).items for each in (first, over_there, back)]
    assert ways[0] == ways[1] == ways[2]
    assert [(step.clinic, step.move, step.after) for step in ways[0]] == [
        ("GEN", "issue", "waiting"),
        ("GEN", "call", "called"),
        ("GEN", "serve", "serving"),
        ("GEN", "transfer", "transferred"),
        ("EYE", "transfer", "waiting"),
        ("EYE", "call", "called"),
        ("EYE", "serve", "serving"),
        ("EYE", "transfer", "transferred"),
        ("GEN", "transfer", "waiting"),
        ("GEN", "call", "called"),
    ]


async def test_calls_are_announced_in_several_languages(opd: Opd) -> None:
    own = {"language": "fi", "text": "Numero {label}, {counter}"}
    wanted = AnnouncementsIn.model_validate({"items": [{"language": "de"}, {"language": "tr"}, own]})
    set_to = opd.service.announce(SYSTEM, command(expected_version=1), "GEN", wanted)
    assert (await set_to).version == 2
    said = await opd.service.announcements(opd.nurse, "GEN")
    assert [(each.language, each.text) for each in said.items] == [
        ("de", TEXTS["de"]),
        ("tr", TEXTS["tr"]),
        ("fi", own["text"]),
    ]
    await refused(
        Code.STALE_VERSION, opd.service.announce(SYSTEM, command(expected_version=1), "GEN", wanted)
    )
    await refused(Code.VERSION_REQUIRED, opd.service.announce(SYSTEM, command(), "GEN", wanted))
    none = AnnouncementsIn(items=())
    assert (await opd.service.announce(SYSTEM, command(expected_version=2), "GEN", none)).items == []
    assert (await opd.service.announcements(opd.nurse, "EYE")).items == []


@pytest.mark.parametrize("text", ["{label}", "{label} {counter} {name}", "{label} {counter} {", "{} {label}"])
def test_a_text_holds_its_two_slots_and_nothing_else(text: str) -> None:
    with pytest.raises(HmsError):
        announcement("de", text)


def test_a_language_without_a_text_of_ours_needs_one() -> None:
    with pytest.raises(HmsError, match="say yours"):
        announcement("fi", None)
    assert announcement("pt-BR", None).text == TEXTS["pt"]
    for language in TEXTS:
        assert announcement(language, None).text
