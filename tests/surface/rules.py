"""What the database must say after whatever anybody did: every sum is a count, every copy is its original."""

from collections.abc import Iterable

from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.opd.model.token import UNFINISHED, TokenState
from tests.money import sums


def _counted(states: Iterable[str], column: str = "t.state") -> str:
    return ", ".join(f"count(*) FILTER (WHERE {column} = '{state}')" for state in states)


def _columns(states: Iterable[str], table: str) -> str:
    return ", ".join(f"{table}.{state}" for state in states)


_BEDS = [status.value for status in BedStatus]
_STATES = [state.value for state in TokenState]
_WAITING = [state.value for state in TokenState if state in UNFINISHED]
_COPIES = (
    "opd_token",
    "opd_appointment",
    "opd_visit",
    "lab_order",
    "ipd_medication",
    "pharmacy_prescription",
)
_NAMED = "concat_ws(', ', p.family_name, nullif(p.given_name, ''))"

_BOOKS = dict(sums.RULES)
del _BOOKS["who may go has as many things to be done as the board says"]
"""But for what the books cannot know: whoever leaves here may have tests, a bed that is held or a child who
rooms in, too. ``wrong_checklists`` asks every department instead."""

NO_ROWS = {
    # beds and stays
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
    "occupancy is the count of beds": f"""
        SELECT o.ward_code FROM beds_occupancy o
        LEFT JOIN beds_bed b ON b.ward_code = o.ward_code AND b.kind = 'bed' GROUP BY o.ward_code
        HAVING ({_columns(_BEDS, "o")}) <> ({_counted(_BEDS, "b.status")})
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
    "the sum of doses is their count": """
        SELECT s.ward FROM ipd_medication_sum s
        FULL JOIN (SELECT ward, count(*) FILTER (WHERE state = 'due') AS due,
                          count(*) FILTER (WHERE state = 'overdue') AS overdue
                   FROM ipd_dose WHERE state IN ('due', 'overdue') AND ward IS NOT NULL GROUP BY ward) d
            ON d.ward = s.ward
        WHERE (coalesce(s.due, 0), coalesce(s.overdue, 0)) <> (coalesce(d.due, 0), coalesce(d.overdue, 0))
    """,
    # queues
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
    "a day's queue is the count of its tokens": f"""
        SELECT q.clinic_code, q.day FROM opd_queue q
        LEFT JOIN opd_token t ON t.clinic_code = q.clinic_code AND t.day = q.day
        GROUP BY q.clinic_code, q.day HAVING ({_columns(_STATES, "q")}) <> ({_counted(_STATES)})
    """,
    "the queue's sums are its tokens": f"""
        SELECT s.clinic_code FROM opd_summary s LEFT JOIN opd_token t ON t.clinic_code = s.clinic_code
        GROUP BY s.clinic_code HAVING ({_columns(_WAITING, "s")}) <> ({_counted(_WAITING)})
    """,
    "the queue's sum of counters is those that are open": """
        SELECT s.clinic_code FROM opd_summary s LEFT JOIN opd_counter c ON c.clinic_code = s.clinic_code
        GROUP BY s.clinic_code HAVING s.active_counters <> count(*) FILTER (WHERE c.open)
    """,
    "a slot's places are its appointments": """
        SELECT s.id FROM opd_slot s LEFT JOIN opd_appointment a ON a.slot_id = s.id
            AND a.state IN ('booked', 'arrived', 'fulfilled', 'no_show')
        GROUP BY s.id HAVING s.booked <> count(a.id)
    """,
    # laboratory
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
    # pharmacy and billing
    **_BOOKS,
    # everywhere
    **{
        f"{table} says of its patients what the patients say": f"""
            SELECT c.patient_id FROM {table} c JOIN patients_patient p ON p.id = c.patient_id
            WHERE c.patient_name <> {_NAMED} OR c.mrn <> p.mrn
        """
        for table in _COPIES
    },
    "a ward's board names who is in its beds": f"""
        SELECT o.patient_id FROM beds_occupant o JOIN patients_patient p ON p.id = o.patient_id
        WHERE o.name <> {_NAMED} OR o.mrn <> p.mrn
    """,
    "streams have no gap": """
        SELECT h.stream FROM stream_head h JOIN change_log l USING (stream)
        GROUP BY h.stream, h.version HAVING count(*) <> h.version OR max(l.version) <> h.version
    """,
}
"""Each finds what breaks a rule."""


async def broken_rules(hospital: Hospital) -> list[str]:
    """Which rules do not hold now; asked while nobody does anything."""
    async with hospital.engine.connect() as connection:
        return [rule for rule, query in NO_ROWS.items() if (await connection.execute(text(query))).first()]
