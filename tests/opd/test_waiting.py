"""How long a patient waits, from the clinic's own services as they end."""

from datetime import timedelta

from hms_rt.departments.opd import views
from hms_rt.departments.opd.model.token import TokenState
from hms_rt.departments.opd.model.waiting import SERVICE_WINDOW
from hms_rt.departments.opd.schemas.queue import QueueQuery
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.opd.conftest import NOW, Opd, Query

S = TokenState
MINUTE = timedelta(minutes=1)


async def test_the_wait_is_estimated_from_the_clinics_own_services(opd: Opd, clock: ManualClock) -> None:
    for minutes in (2, 4, 6, 8, 10):
        assert (await opd.service.token(SYSTEM, command(), (await opd.issue()).id)).wait is not None
        token = await opd.call_next()
        await opd.service.serve(SYSTEM, command(), token.id, NOW)
        clock.advance(minutes * MINUTE)
        await opd.service.done(SYSTEM, command(), token.id, NOW)
    for counter in ("G1", "G2"):
        await opd.until(S.SERVING, counter)
    tokens = [await opd.issue() for _ in range(3)]
    waits = [(await opd.service.token(SYSTEM, command(), token.id)).wait for token in tokens]
    # Mean 360 s, deviation 169.7 s, two counters: each one ahead costs 180 s.
    assert [(wait.ahead, wait.p50_s) for wait in waits if wait] == [(0, 180), (1, 360), (2, 540)]
    assert [wait.p90_s for wait in waits if wait] == [289, 514, 728]
    summary = (await opd.service.queue(SYSTEM, command(), "GEN", QueueQuery())).summary
    assert (summary.service_p50_s, summary.service_p90_s) == (360, 552)
    assert (summary.wait_p50_s, summary.waiting, summary.serving, summary.done) == (720, 3, 2, 5)
    assert summary.active_counters == 2


async def test_the_end_of_a_service_itself_tells_the_board_how_long_services_take(
    opd: Opd, clock: ManualClock, query: Query
) -> None:
    token = await opd.until(S.SERVING)
    clock.advance(7 * MINUTE)
    await opd.service.done(SYSTEM, command(), token.id, NOW)
    (newest,) = await query(
        "SELECT ops FROM change_log WHERE stream = :stream ORDER BY version DESC LIMIT 1",
        stream=views.clinic_stream("GEN"),
    )
    told = {op["key"]: op for op in newest.ops}
    assert told[views.token_key(token.id)]["op"] == "remove"
    assert told["summary"]["value"]["service_p50_s"] == 7 * 60
    assert told["summary"]["value"]["wait_p50_s"] is None, "nothing is promised after one service"


async def test_only_the_last_fifty_services_count_by_when_they_were_recorded(
    opd: Opd, clock: ManualClock, query: Query
) -> None:
    await opd.until(S.DONE)
    await query(
        """
        INSERT INTO opd_token (id, clinic_code, origin_code, day, number, category, priority, state,
            counter_code, issued_at, queued_at, since, recorded_at, changed_at, called_at, serving_at,
            finished_at, version)
        SELECT gen_random_uuid(), clinic_code, origin_code, day, 100 + n, category, priority, state,
            counter_code, issued_at, queued_at, since, recorded_at, changed_at + n * interval '1 second',
            called_at, serving_at,
            serving_at + CASE WHEN n <= 10 THEN interval '1 day' ELSE interval '60 s' END,
            version
        FROM opd_token, generate_series(1, :services) n
        """,
        services=10 + SERVICE_WINDOW - 1,
    )
    clock.advance(timedelta(hours=1))
    token = await opd.until(S.SERVING)
    clock.advance(MINUTE)
    await opd.service.done(SYSTEM, command(), token.id, NOW)
    summary = (await opd.service.queue(SYSTEM, command(), "GEN", QueueQuery())).summary
    assert (summary.service_p50_s, summary.service_p90_s) == (60, 60)
