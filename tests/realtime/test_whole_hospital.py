"""After any sequence of commands, old snapshot + changes = fresh snapshot, and the hospital's sums hold."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.kernel.principal import Role
from hms_rt.services import Services
from tests.conftest import ClientFactory, PersonFactory, WardFactory
from tests.realtime.board import Board
from tests.realtime.conftest import BoardFactory, fresh
from tests.realtime.world import ATTEMPTS, World, build

CLIENTS = 4
steps = st.lists(
    st.tuples(st.integers(0, len(ATTEMPTS) - 1), st.integers(0, 30), st.integers(0, 30)),
    min_size=10,
    max_size=60,
)

NO_ROWS = {
    "one patient per bed": """
        SELECT bed_id FROM ipd_stay WHERE ended_at IS NULL GROUP BY 1 HAVING count(*) > 1
    """,
    "one bed per patient": """
        SELECT patient_id FROM ipd_stay WHERE ended_at IS NULL GROUP BY 1 HAVING count(*) > 1
    """,
    "beds are occupied by open stays": """
        SELECT b.id FROM beds_bed b
        FULL JOIN (SELECT * FROM ipd_stay WHERE ended_at IS NULL) s ON s.bed_id = b.id
        WHERE (b.status = 'occupied') IS DISTINCT FROM (s.bed_id IS NOT NULL)
    """,
    "occupancy is the count of beds": """
        SELECT o.ward_code FROM beds_occupancy o JOIN beds_bed b USING (ward_code) WHERE b.kind = 'bed'
        GROUP BY o.ward_code, o.available, o.occupied, o.reserved, o.cleaning, o.contaminated,
                 o.out_of_service
        HAVING (o.available, o.occupied, o.reserved, o.cleaning, o.contaminated, o.out_of_service)
            <> (count(*) FILTER (WHERE status = 'available'), count(*) FILTER (WHERE status = 'occupied'),
                count(*) FILTER (WHERE status = 'reserved'), count(*) FILTER (WHERE status = 'cleaning'),
                count(*) FILTER (WHERE status = 'contaminated'),
                count(*) FILTER (WHERE status = 'out_of_service'))
    """,
    "stays never overlap": """
        SELECT a.id FROM ipd_stay a JOIN ipd_stay b ON a.id < b.id
            AND (a.bed_id = b.bed_id OR a.patient_id = b.patient_id)
            AND tstzrange(a.started_at, a.ended_at) && tstzrange(b.started_at, b.ended_at)
        WHERE NOT a.entered_in_error AND NOT b.entered_in_error
    """,
    "who waits to be cleaned is on the list": """
        SELECT id FROM beds_bed b WHERE status IN ('cleaning', 'contaminated') AND NOT EXISTS
            (SELECT FROM beds_cleaning c WHERE c.bed_id = b.id AND c.state IN ('requested', 'claimed'))
    """,
    "a hold is a reserved bed": """
        SELECT bed_id FROM beds_hold h JOIN beds_bed b ON b.id = h.bed_id
        WHERE b.status <> 'reserved' OR b.reserved_for <> h.admission_id
    """,
    "a bed shows the isolation of its patient": """
        SELECT s.id FROM ipd_stay s JOIN ipd_admission a ON a.id = s.admission_id
        JOIN beds_bed b ON b.id = s.bed_id
        WHERE s.ended_at IS NULL AND b.isolation_kind IS DISTINCT FROM a.isolation
    """,
    "token numbers have no gap": """
        SELECT q.clinic_code FROM opd_queue q
        LEFT JOIN (SELECT DISTINCT origin_code, day, number FROM opd_token) t
            ON t.origin_code = q.clinic_code AND t.day = q.day
        GROUP BY q.clinic_code, q.day, q.last_number
        HAVING count(t.number) <> q.last_number OR coalesce(max(t.number), 0) <> q.last_number
    """,
    "a counter has one caller": """
        SELECT counter_code FROM opd_token WHERE state IN ('called', 'serving') GROUP BY 1 HAVING count(*) > 1
    """,
    "the queue's sums are its tokens": """
        SELECT s.clinic_code FROM opd_summary s
        WHERE (s.waiting, s.called, s.serving, s.on_hold) <> (
            SELECT count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'called'),
                   count(*) FILTER (WHERE state = 'serving'), count(*) FILTER (WHERE state = 'on_hold')
            FROM opd_token t WHERE t.clinic_code = s.clinic_code)
    """,
    "a test is what its newest event says": """
        SELECT t.id FROM lab_test t JOIN LATERAL (SELECT state FROM lab_test_event e WHERE e.test_id = t.id
            ORDER BY version DESC LIMIT 1) e ON true WHERE e.state <> t.state
    """,
    "an order is what its tests are": """
        SELECT o.id FROM lab_order o JOIN lab_test t ON t.order_id = o.id GROUP BY o.id
        HAVING o.state <> CASE WHEN bool_or(t.state NOT IN ('released', 'cancelled')) THEN 'open'
            WHEN bool_or(t.state = 'released') THEN 'completed' ELSE 'cancelled' END
    """,
    "what nobody acknowledged is where the patient is": """
        SELECT a.id FROM lab_critical_alert a JOIN lab_test t ON t.id = a.test_id
        JOIN lab_order o ON o.id = t.order_id WHERE a.escalate_at IS NOT NULL AND a.place <> o.place
    """,
    "one alert of a test waits at most": """
        SELECT test_id FROM lab_critical_alert WHERE escalate_at IS NOT NULL GROUP BY 1 HAVING count(*) > 1
    """,
    "who read a result that was corrected was told": """
        SELECT r.user_id FROM lab_result_read r JOIN lab_result_version v USING (test_id)
        WHERE v.kind = 'correction' AND r.number < v.number AND r.user_id <> v.author
            AND NOT EXISTS (SELECT FROM lab_correction_notice n
                WHERE n.test_id = r.test_id AND n.number = v.number AND n.user_id = r.user_id)
    """,
    "streams have no gap": """
        SELECT h.stream FROM stream_head h JOIN change_log l USING (stream)
        GROUP BY h.stream, h.version HAVING count(*) <> h.version OR max(l.version) <> h.version
    """,
}
"""Each finds what breaks a rule."""


async def boards_of(board_of: BoardFactory, client_as: ClientFactory) -> list[Board]:
    """One board for every room and audience that a user can have."""
    clinical = await client_as(Role.DOCTOR, ward="ICU", clinic="GEN")
    reception = await client_as(Role.RECEPTION)
    lab = await client_as(Role.LAB)
    nurse = await client_as(Role.NURSE, ward="ICU")
    wanted: list[tuple[Any, str, str]] = [
        (clinical, "/beds", "ward:ICU"),
        (reception, "/beds", "ward:ICU"),
        (reception, "/beds", "ward:MED"),
        (reception, "/beds", "hospital"),
        (nurse, "/beds", "cleaning:ICU"),
        (clinical, "/opd", "clinic:GEN"),
        (reception, "/opd", "clinic:GEN"),
        (reception, "/opd", "clinic:ER"),
        (lab, "/lab", "worklist"),
        (lab, "/lab", "alerts"),
        (clinical, "/lab", "ward:ICU"),
        (clinical, "/lab", "clinic:GEN"),
    ]
    return [await board_of(client, room, namespace=namespace) for client, namespace, room in wanted]


async def play(world: World, walk: list[tuple[int, int, int]]) -> None:
    """Several clients at once, each taking every fourth step."""

    async def client(number: int) -> None:
        for step in walk[number::CLIENTS]:
            await world.do(step)

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))


async def broken_rules(hospital: Hospital) -> list[str]:
    async with hospital.engine.connect() as connection:
        return [rule for rule, query in NO_ROWS.items() if (await connection.execute(text(query))).first()]


async def test_boards_and_sums_are_right_after_any_sequence_of_commands(
    hospital: Hospital,
    services: Services,
    ward: WardFactory,
    person: PersonFactory,
    client_as: ClientFactory,
    board_of: BoardFactory,
) -> None:
    world = await build(services, ward, person)
    boards = await boards_of(board_of, client_as)

    @settings(
        max_examples=30,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(steps)
    async def property_holds(walk: list[tuple[int, int, int]]) -> None:
        await play(world, walk)
        for board in boards:
            await board.settle(await fresh(hospital, board.namespace, board.room, board.audience))
        assert await broken_rules(hospital) == []

    await run_examples(property_holds)
    assert world.done > 50, (world.done, world.refused)
    assert world.refused > 20, "nobody tried anything forbidden"


async def run_examples(test: Any) -> None:
    """Run an async hypothesis test inside the running loop: its examples are driven from a thread."""
    loop = asyncio.get_running_loop()
    inner = test.hypothesis.inner_test

    def example(walk: list[tuple[int, int, int]]) -> None:
        asyncio.run_coroutine_threadsafe(inner(walk), loop).result(60)

    test.hypothesis.inner_test = example
    await asyncio.to_thread(test)
