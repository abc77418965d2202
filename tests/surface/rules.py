"""What the database must say after whatever anybody did: every sum is a count, every copy is its original."""

from collections.abc import Iterable

from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.opd.model.token import UNFINISHED, TokenState


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
    # pharmacy
    "a shelf holds what the ledger says": """
        SELECT s.lot_id FROM pharmacy_stock s
        FULL JOIN (SELECT lot_id, store, sum(delta) AS moved FROM pharmacy_ledger GROUP BY 1, 2) l
            ON l.lot_id = s.lot_id AND l.store = s.store
        WHERE coalesce(s.quantity, 0) <> coalesce(l.moved, 0)
    """,
    "what was dispensed of a line was handed over": """
        SELECT l.id FROM pharmacy_line l LEFT JOIN pharmacy_dispense_item i ON i.line_id = l.id
        LEFT JOIN pharmacy_dispense d ON d.id = i.dispense_id GROUP BY l.id
        HAVING l.dispensed <> coalesce(sum(i.quantity) FILTER (WHERE d.handed_over_at IS NOT NULL), 0)
    """,
    # billing: that every sum is its rows is also checked by the database, at each commit
    "an invoice is the sum of its lines": """
        SELECT i.id FROM billing_invoice i LEFT JOIN billing_line l ON l.invoice_id = i.id AND l.live
        WHERE i.state <> 'void' GROUP BY i.id
        HAVING i.total <> coalesce(sum(l.gross), 0) OR i.payer_part <> coalesce(sum(l.payer_part), 0)
    """,
    "what is paid of an invoice was allocated": """
        SELECT i.id FROM billing_invoice i LEFT JOIN billing_allocation a ON a.invoice_id = i.id
        GROUP BY i.id HAVING i.paid <> coalesce(sum(a.amount), 0)
    """,
    "what is left of a payment is what was neither allocated nor given back": """
        SELECT p.id FROM billing_payment p
        WHERE p.allocated <> (SELECT coalesce(sum(amount), 0) FROM billing_allocation WHERE payment_id = p.id)
            OR p.refunded <> (SELECT coalesce(sum(amount), 0) FROM billing_refund
                WHERE payment_id = p.id AND state = 'approved')
    """,
    "charges are invoiced or not yet": """
        SELECT 1 FROM (SELECT
            (SELECT coalesce(sum(gross), 0) FROM billing_charge) AS charged,
            (SELECT coalesce(sum(total), 0) FROM billing_invoice WHERE state <> 'void') AS invoiced,
            (SELECT coalesce(sum(gross), 0) FROM billing_charge c WHERE NOT EXISTS
                (SELECT FROM billing_line l WHERE l.charge_id = c.id AND live)) AS unbilled) s
        WHERE charged <> invoiced + unbilled
    """,
    "money taken is paid, on deposit or given back": """
        SELECT 1 FROM (SELECT
            (SELECT coalesce(sum(amount), 0) FROM billing_payment
                WHERE state IN ('captured', 'refunded')) AS taken,
            (SELECT coalesce(sum(amount), 0) FROM billing_refund WHERE state = 'approved') AS given_back,
            (SELECT coalesce(sum(paid), 0) FROM billing_invoice) AS paid,
            (SELECT coalesce(sum(amount - allocated - refunded), 0) FROM billing_payment
                WHERE state = 'captured') AS deposits) s
        WHERE taken <> paid + deposits + given_back
    """,
    "a drawer holds what was taken and given back at it": """
        SELECT s.id FROM billing_shift s WHERE s.cash <> s.opening_cash
            + (SELECT coalesce(sum(amount), 0) FROM billing_payment p
                WHERE p.shift_id = s.id AND means = 'cash' AND state IN ('captured', 'refunded'))
            - (SELECT coalesce(sum(r.amount), 0) FROM billing_refund r
                JOIN billing_payment p ON p.id = r.payment_id
                WHERE r.shift_id = s.id AND r.state = 'approved' AND p.means = 'cash')
    """,
    "numbers of invoices, credit notes and receipts have no gap": """
        SELECT s.series FROM billing_series s LEFT JOIN (
            SELECT facility, CASE kind WHEN 'credit_note' THEN 'credit_note' ELSE 'invoice' END AS series,
                   number FROM billing_invoice WHERE number IS NOT NULL
            UNION ALL SELECT i.facility, 'receipt', p.number FROM billing_payment p
                JOIN billing_shift i ON i.id = p.shift_id WHERE p.number IS NOT NULL) n
            ON n.series = s.series AND n.facility = s.facility
        GROUP BY s.facility, s.series, s.last
        HAVING count(n.number) <> s.last OR coalesce(max(n.number), 0) <> s.last
            OR count(DISTINCT n.number) <> s.last
    """,
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
