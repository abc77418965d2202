"""What of stock and money must add up at any moment, recomputed from rows: each finds what breaks a rule."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

RULES = {
    "stock is the sum of its ledger": """
        SELECT lot_id FROM pharmacy_stock s FULL JOIN (
            SELECT lot_id, store, sum(delta) AS moved FROM pharmacy_ledger GROUP BY 1, 2) l
            USING (lot_id, store)
        WHERE s.quantity IS DISTINCT FROM l.moved OR s.quantity < 0
    """,
    "what left for patients is on dispenses": """
        SELECT i.dispense_id FROM (SELECT dispense_id, sum(quantity) AS taken FROM pharmacy_dispense_item
            GROUP BY 1) i JOIN pharmacy_dispense d ON d.id = i.dispense_id
        WHERE i.taken IS DISTINCT FROM (SELECT -sum(delta) FROM pharmacy_ledger l
                WHERE l.reference = d.id AND l.kind = 'dispense')
            OR d.state = 'cancelled' AND i.taken IS DISTINCT FROM (SELECT sum(delta) FROM pharmacy_ledger l
                WHERE l.reference = d.id AND l.kind = 'dispense_cancelled')
    """,
    "every dispense in the ledger exists": """
        SELECT l.id FROM pharmacy_ledger l LEFT JOIN pharmacy_dispense d ON d.id = l.reference
        WHERE l.kind IN ('dispense', 'dispense_cancelled') AND d.id IS NULL
    """,
    "what was dispensed of a line was handed over, and no more than prescribed": """
        SELECT l.id FROM pharmacy_line l LEFT JOIN pharmacy_dispense_item i ON i.line_id = l.id
        LEFT JOIN pharmacy_dispense d ON d.id = i.dispense_id GROUP BY l.id
        HAVING l.dispensed <> coalesce(sum(i.quantity) FILTER (WHERE d.handed_over_at IS NOT NULL), 0)
            OR l.dispensed > l.quantity
    """,
    "an approved write-off is booked once": """
        SELECT w.id FROM pharmacy_write_off w LEFT JOIN pharmacy_ledger l
            ON l.reference = w.id AND l.kind = 'write_off'
        GROUP BY w.id, w.state, w.quantity
        HAVING coalesce(-sum(l.delta), 0) <> CASE w.state WHEN 'approved' THEN w.quantity ELSE 0 END
    """,
    "what was sold over the counter left the shelf, and came back": """
        SELECT i.id FROM pharmacy_sale_item i
        WHERE i.quantity IS DISTINCT FROM (SELECT -sum(delta) FROM pharmacy_ledger l
                WHERE l.reference = i.id AND l.kind = 'sale')
            OR i.returned <> (SELECT coalesce(sum(quantity), 0) FROM pharmacy_sale_return
                WHERE item_id = i.id)
    """,
    "charges are on an invoice or unbilled": """
        SELECT 1 WHERE (SELECT coalesce(sum(gross), 0) FROM billing_charge)
            <> (SELECT coalesce(sum(total), 0) FROM billing_invoice
                WHERE state <> 'void' AND share_of IS NULL)
             + (SELECT coalesce(sum(gross), 0) FROM billing_charge c
                WHERE NOT EXISTS (SELECT FROM billing_line l WHERE l.charge_id = c.id AND l.live))
    """,
    "a deed is charged once": """
        SELECT kind, cause FROM billing_charge WHERE reverses IS NULL AND reversed_by IS NULL
        GROUP BY 1, 2 HAVING count(*) > 1
    """,
    "a charge is on one invoice at most": """
        SELECT charge_id FROM billing_line WHERE live GROUP BY 1 HAVING count(*) > 1
    """,
    "what is reversed was charged, and costs nothing together": """
        SELECT c.id FROM billing_charge c LEFT JOIN billing_charge r ON r.id = c.reversed_by
        WHERE c.reversed_by IS NOT NULL AND (r.reverses IS DISTINCT FROM c.id
            OR coalesce(c.gross + r.gross, 0) <> 0)
    """,
    "an invoice is what is on it": """
        SELECT i.id FROM billing_invoice i LEFT JOIN billing_line l ON l.invoice_id = i.id AND l.live
        WHERE i.state <> 'void' AND i.share_of IS NULL AND i.refusal_id IS NULL GROUP BY i.id
        HAVING coalesce(sum(l.gross), 0) <> i.total
            OR coalesce(sum(l.payer_part), 0) <> i.payer_part
    """,
    "what a payer refused is asked of somebody else": """
        SELECT r.id FROM billing_refusal r LEFT JOIN billing_invoice i ON i.refusal_id = r.id GROUP BY r.id
        HAVING coalesce(sum(i.total), 1) <> 0 OR count(*) <> 2 OR max(i.total) <> r.amount
    """,
    "of each charge patient and payer owe all": """
        SELECT id FROM billing_charge WHERE patient_part + payer_part <> gross
            OR net + tax <> gross OR (gross IS NULL) <> (patient_part IS NULL)
    """,
    "each payer is asked for the own part, the patient for the rest": """
        SELECT coalesce(p.invoice_id, s.share_of), p.payer, p.part, s.owed FROM (
            SELECT l.invoice_id, 'of ' || c.payer AS payer, sum(l.payer_part) AS part FROM billing_line l
                JOIN billing_charge c ON c.id = l.charge_id WHERE l.live GROUP BY 1, 2
            UNION ALL SELECT invoice_id, 'rest', sum(patient_part) FROM billing_line WHERE live GROUP BY 1
        ) p JOIN billing_invoice i ON i.id = p.invoice_id AND i.kind <> 'credit_note'
            AND i.state NOT IN ('draft', 'void')
        FULL JOIN (SELECT share_of, 'of ' || payer AS payer, sum(owed) AS owed FROM billing_invoice
                WHERE kind = 'payer' AND state <> 'void' GROUP BY 1, 2
            UNION ALL SELECT id, 'rest', owed FROM billing_invoice WHERE share_of IS NULL
                AND refusal_id IS NULL AND kind <> 'credit_note' AND state NOT IN ('draft', 'void')) s
            ON s.share_of = p.invoice_id AND s.payer = p.payer
        WHERE coalesce(p.part, 0) <> coalesce(s.owed, 0)
    """,
    "what is refused moves, and nothing is lost": """
        SELECT 1 WHERE (SELECT coalesce(sum(owed), 0) FROM billing_invoice
                WHERE state NOT IN ('draft', 'void'))
            <> (SELECT coalesce(sum(l.gross), 0) FROM billing_line l JOIN billing_invoice i
                ON i.id = l.invoice_id WHERE l.live AND i.state NOT IN ('draft', 'void'))
    """,
    "what is credited of an invoice is on credit notes": """
        SELECT i.id FROM billing_invoice i LEFT JOIN billing_invoice n ON n.credits = i.id
        WHERE i.kind <> 'credit_note' GROUP BY i.id HAVING coalesce(-sum(n.owed), 0) <> i.credited
    """,
    "an invoice is paid by its allocations": """
        SELECT i.id FROM billing_invoice i LEFT JOIN billing_allocation a ON a.invoice_id = i.id
        GROUP BY i.id
        HAVING coalesce(sum(a.amount), 0) <> i.paid OR i.paid + i.credited > greatest(i.owed, 0)
    """,
    "a payment is allocated, refunded or left": """
        SELECT p.id FROM billing_payment p
        WHERE allocated <> (SELECT coalesce(sum(amount), 0) FROM billing_allocation WHERE payment_id = p.id)
            OR refunded <> (SELECT coalesce(sum(amount), 0) FROM billing_refund
                WHERE payment_id = p.id AND state = 'approved')
            OR allocated + refunded > amount
            OR state <> (SELECT state_after FROM billing_payment_event
                WHERE payment_id = p.id ORDER BY position DESC LIMIT 1)
    """,
    "money that came is allocated, deposited or given back": """
        SELECT 1 WHERE (SELECT coalesce(sum(amount), 0) FROM billing_payment
                WHERE state IN ('captured', 'refunded'))
            <> (SELECT coalesce(sum(paid), 0) FROM billing_invoice)
             + (SELECT coalesce(sum(amount - allocated - refunded), 0) FROM billing_payment
                WHERE state = 'captured')
             + (SELECT coalesce(sum(amount), 0) FROM billing_refund WHERE state = 'approved')
    """,
    "a drawer holds its cash": """
        SELECT s.id FROM billing_shift s WHERE s.cash <> s.opening_cash
            + (SELECT coalesce(sum(amount), 0) FROM billing_payment
                WHERE shift_id = s.id AND means = 'cash' AND state IN ('captured', 'refunded'))
            - (SELECT coalesce(sum(r.amount), 0) FROM billing_refund r JOIN billing_payment p
                ON p.id = r.payment_id WHERE r.shift_id = s.id AND r.state = 'approved' AND p.means = 'cash')
    """,
    "what a shift took by each means is what its payments and refunds say": """
        SELECT 1 FROM billing_shift_means m
        FULL JOIN (SELECT shift_id, means, sum(amount) AS amount FROM billing_payment
            WHERE captured_at IS NOT NULL GROUP BY 1, 2) p USING (shift_id, means)
        FULL JOIN (SELECT r.shift_id, p.means, sum(r.amount) AS amount FROM billing_refund r
            JOIN billing_payment p ON p.id = r.payment_id WHERE r.state = 'approved' GROUP BY 1, 2) r
            USING (shift_id, means)
        WHERE m.received IS DISTINCT FROM coalesce(p.amount, 0)
            OR m.given_back IS DISTINCT FROM coalesce(r.amount, 0)
    """,
    "what is used of a package is taken off charges, within what it includes": """
        SELECT 1 FROM billing_package_use u JOIN billing_package_left l ON l.use_id = u.id
        WHERE l.used NOT BETWEEN 0 AND l.quantity OR (u.state = 'withdrawn' AND l.used <> 0)
            OR l.used <> (SELECT coalesce(sum(c.quantity), 0) FROM billing_charge c WHERE c.kind = 'included'
                AND c.source = u.id::text AND c.service = l.service
                AND c.reverses IS NULL AND c.reversed_by IS NULL)
    """,
    "what is taken off a charge is no more than the charge": """
        SELECT c.id FROM billing_charge c JOIN billing_charge off ON off.reduces = c.id
        WHERE c.reverses IS NULL AND off.reverses IS NULL AND off.reversed_by IS NULL GROUP BY c.id
        HAVING (c.reversed_by IS NOT NULL) OR sum(-off.gross) > c.gross
            OR coalesce(sum(off.quantity) FILTER (WHERE off.kind = 'included'), 0) > c.quantity
    """,
    "an applied package is charged once": """
        SELECT u.id FROM billing_package_use u LEFT JOIN billing_charge c ON c.kind = 'package'
            AND c.cause = u.id::text AND c.reverses IS NULL AND c.reversed_by IS NULL
        GROUP BY u.id HAVING count(c.id) <> CASE u.state WHEN 'applied' THEN 1 ELSE 0 END
    """,
    "a closed day is its shifts": """
        SELECT d.id FROM (SELECT *, lag(day) OVER (PARTITION BY facility ORDER BY day) AS before
            FROM billing_day) d LEFT JOIN billing_shift s ON s.facility = d.facility AND s.day <= d.day
            AND (d.before IS NULL OR s.day > d.before)
        GROUP BY d.id, d.shifts, d.counted, d.difference, d.opening_cash
        HAVING count(s.id) <> d.shifts OR sum(s.counted) <> d.counted OR sum(s.difference) <> d.difference
            OR sum(s.opening_cash) <> d.opening_cash OR bool_or(s.closed_at IS NULL)
            OR (SELECT sum(received - given_back) FROM billing_day_means
                WHERE day_id = d.id AND means = 'cash') <> sum(s.cash - s.opening_cash)
    """,
    "what was counted is what the drawer held, and the difference": """
        SELECT id FROM billing_shift WHERE closed_at IS NOT NULL AND counted - cash <> difference
    """,
    "a shelf holds what may be handed over, and says what is low": """
        SELECT h.store FROM pharmacy_shelf h WHERE h.low <> coalesce(h.usable <= h.reorder_level, false)
            OR h.usable <> (SELECT coalesce(sum(s.quantity), 0) FROM pharmacy_stock s
                JOIN pharmacy_lot l ON l.id = s.lot_id WHERE s.store = h.store AND l.medicine = h.medicine
                    AND l.recalled_at IS NULL AND l.expired_at IS NULL)
    """,
    "a prescription is where its last event left it, and dispensed when its lines are": """
        SELECT p.id FROM pharmacy_prescription p WHERE p.state <> (SELECT state_after FROM pharmacy_event
                WHERE prescription_id = p.id ORDER BY id DESC LIMIT 1)
            OR (p.state = 'dispensed') <> (p.state NOT IN ('draft', 'stopped', 'cancelled', 'on_hold')
                AND NOT EXISTS (SELECT FROM pharmacy_line l WHERE l.prescription_id = p.id
                    AND l.dispensed < l.quantity AND l.not_dispensed IS NULL))
    """,
    "what came back of a line came back of its dispenses": """
        SELECT l.id FROM pharmacy_line l WHERE l.returned <> (SELECT coalesce(sum(r.quantity), 0)
            FROM pharmacy_dispense_item i JOIN pharmacy_return r ON r.item_id = i.id WHERE i.line_id = l.id)
    """,
    "every version of a medicine is kept": """
        SELECT m.code FROM pharmacy_medicine m LEFT JOIN pharmacy_medicine_version v ON v.code = m.code
        GROUP BY m.code, m.version HAVING count(v.version) <> m.version OR max(v.version) <> m.version
    """,
    "prices of a tariff follow each other": """
        SELECT a.id FROM billing_price a JOIN billing_price b ON b.tariff_id = a.tariff_id AND b.id <> a.id
            AND a.valid_from <= b.valid_from AND (a.valid_until IS NULL OR a.valid_until > b.valid_from)
    """,
    "who may go has as many things to be done as the board says": """
        SELECT o.outstanding, d.* FROM beds_occupant o JOIN ipd_stay s ON s.id = o.stay_id
        CROSS JOIN LATERAL (SELECT
            NOT EXISTS (SELECT FROM ipd_summary m WHERE m.admission_id = s.admission_id) AS summary,
            EXISTS (SELECT FROM pharmacy_prescription p WHERE p.admission_id = s.admission_id
                AND NOT p.take_home AND p.state NOT IN ('stopped', 'cancelled', 'dispensed')) AS given,
            EXISTS (SELECT FROM pharmacy_prescription p WHERE p.admission_id = s.admission_id
                AND p.take_home AND p.state NOT IN ('stopped', 'cancelled', 'dispensed')) AS along,
            EXISTS (SELECT FROM billing_charge c WHERE c.admission_id = s.admission_id
                AND c.reverses IS NULL AND c.reversed_by IS NULL AND c.reduces IS NULL
                AND NOT EXISTS (SELECT FROM billing_line l JOIN billing_invoice i ON i.id = l.invoice_id
                    WHERE l.charge_id = c.id AND l.live AND i.state <> 'draft')) AS unbilled,
            EXISTS (SELECT FROM billing_invoice i WHERE i.admission_id = s.admission_id
                AND i.kind NOT IN ('payer', 'credit_note') AND i.state IN ('issued', 'part_paid')) AS unpaid
        ) d WHERE o.leaving_since IS NOT NULL AND o.outstanding
            <> d.summary::int + d.given::int + d.along::int + d.unbilled::int + d.unpaid::int
    """,
    "no number of a paper is missing or given twice": """
        SELECT facility, series FROM billing_series FULL JOIN (
            SELECT facility, CASE kind WHEN 'credit_note' THEN kind ELSE 'invoice' END AS series, number
                FROM billing_invoice WHERE number IS NOT NULL
            UNION ALL SELECT facility, 'receipt', number FROM billing_payment WHERE number IS NOT NULL
            UNION ALL SELECT facility, 'estimate', number FROM billing_estimate
            UNION ALL SELECT facility, 'day', number FROM billing_day
        ) given USING (facility, series)
        GROUP BY facility, series, last
        HAVING count(number) <> last OR count(DISTINCT number) <> last OR max(number) <> last OR last IS NULL
    """,
    "what is charged of a dispense or a sale was handed over and not brought back": """
        SELECT o.cause FROM (
            SELECT concat_ws('/', i.line_id, i.dispense_id, i.medicine) AS cause,
                sum(CASE d.state WHEN 'handed_over' THEN i.quantity - coalesce(r.back, 0) ELSE 0 END) AS kept
            FROM pharmacy_dispense_item i JOIN pharmacy_dispense d ON d.id = i.dispense_id
            LEFT JOIN (SELECT item_id, sum(quantity) AS back FROM pharmacy_return GROUP BY 1) r
                ON r.item_id = i.id GROUP BY 1
            UNION ALL SELECT concat_ws('/', i.sale_id, i.sale_id, i.medicine),
                sum(i.quantity - coalesce(r.back, 0)) FROM pharmacy_sale_item i
            LEFT JOIN (SELECT item_id, sum(quantity) AS back FROM pharmacy_sale_return GROUP BY 1) r
                ON r.item_id = i.id GROUP BY 1) o
        FULL JOIN (SELECT * FROM billing_charge WHERE kind = 'medicine'
            AND reverses IS NULL AND reversed_by IS NULL) c ON c.cause = o.cause
        WHERE coalesce(c.quantity, 0) > coalesce(o.kept, 0) OR c.quantity < o.kept
            OR c.id IS NULL AND o.kept > 0 AND NOT EXISTS (SELECT FROM billing_charge r
                WHERE r.kind = 'medicine' AND r.cause = o.cause AND r.reversed_by IS NOT NULL)
            AND NOT EXISTS (SELECT FROM billing_service s WHERE s.kind = 'medicine'
                AND NOT s.chargeable)
    """,
}
"""Name of a rule -> rows that break it."""


async def broken(connection: AsyncConnection) -> list[str]:
    """The rules that do not hold now."""
    found = []
    for rule, query in RULES.items():
        row = (await connection.execute(text(query))).first()
        if row is not None:
            found.append(f"{rule}: {tuple(row)}")
    return found
