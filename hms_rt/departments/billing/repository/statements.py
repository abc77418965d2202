"""What moved a patient's balance, read in one statement: opening and entries are of one moment."""

import uuid
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing.model.statement import Entry, Statement, StatementKind

_STATEMENT = sa.text(
    """
    WITH settlements AS (
        SELECT a.recorded_at, p.captured_at, p.means, i.facility, i.number, a.invoice_id, a.amount,
            CASE WHEN p.patient_id = :patient_id THEN a.amount ELSE 0 END AS taken,
            CASE WHEN i.patient_id = :patient_id AND i.payer = 'SELF' THEN a.amount ELSE 0 END AS paid
        FROM (
            SELECT a.* FROM billing_payment p JOIN billing_allocation a ON a.payment_id = p.id
            WHERE p.patient_id = :patient_id
            UNION
            SELECT a.* FROM billing_invoice i JOIN billing_allocation a ON a.invoice_id = i.id
            WHERE i.patient_id = :patient_id AND i.payer = 'SELF'
        ) a JOIN billing_payment p ON p.id = a.payment_id JOIN billing_invoice i ON i.id = a.invoice_id
    ), moves AS (
        SELECT i.issued_at AS at, 'invoice' AS kind, 1 AS rank, i.facility, i.number, i.id AS paper_id,
            NULL AS means, i.owed AS amount, 0 AS settled
        FROM billing_invoice i
        WHERE i.patient_id = :patient_id AND i.payer = 'SELF' AND i.kind <> 'credit_note'
            AND i.issued_at IS NOT NULL
        UNION ALL
        SELECT i.voided_at, 'void', 2, i.facility, i.number, i.id, NULL, -i.owed, 0
        FROM billing_invoice i
        WHERE i.patient_id = :patient_id AND i.payer = 'SELF' AND i.state = 'void' AND i.issued_at IS NOT NULL
        UNION ALL
        SELECT n.issued_at, 'credit_note', 3, n.facility, n.number, n.id, NULL, n.owed, 0
        FROM billing_invoice i JOIN billing_invoice n ON n.credits = i.id
        WHERE i.patient_id = :patient_id AND i.payer = 'SELF'
        UNION ALL
        SELECT p.captured_at, 'payment', 4, p.facility, p.number, p.id, p.means, -p.amount, 0
        FROM billing_payment p
        WHERE p.patient_id = :patient_id AND p.captured_at IS NOT NULL
        UNION ALL
        SELECT s.recorded_at, 'settlement', 5, s.facility, s.number, s.invoice_id, s.means,
            s.taken - s.paid, s.amount
        FROM settlements s WHERE s.taken <> s.paid OR s.recorded_at <> s.captured_at
        UNION ALL
        SELECT r.decided_at, 'refund', 6, p.facility, p.number, r.id, p.means, r.amount, 0
        FROM billing_refund r JOIN billing_payment p ON p.id = r.payment_id
        WHERE p.patient_id = :patient_id AND r.state = 'approved'
    )
    SELECT CAST(NULL AS timestamptz) AS at, 'opening' AS kind, 0 AS rank, NULL AS facility,
        CAST(NULL AS bigint) AS number, CAST(NULL AS uuid) AS paper_id, NULL AS means,
        coalesce(sum(amount), 0) AS amount, 0 AS settled
    FROM moves WHERE at < :since
    UNION ALL
    (SELECT * FROM moves WHERE at >= :since AND at < :until ORDER BY at, rank, paper_id LIMIT :limit)
    ORDER BY at NULLS FIRST, rank, paper_id
    """
).bindparams(
    sa.bindparam("patient_id", type_=sa.Uuid()),
    sa.bindparam("since", type_=sa.DateTime(timezone=True)),
    sa.bindparam("until", type_=sa.DateTime(timezone=True)),
)
"""A payer's money is on the account until it pays a payer's invoice. What a payment paid at once is part of
it; whose invoice or payment an undone merge gave back to another patient is told from either side."""


async def of_patient(
    connection: AsyncConnection, patient_id: uuid.UUID, since: datetime, until: datetime, limit: int
) -> Statement:
    """What moved a patient's balance from ``since`` to before ``until``: at most ``limit`` entries."""
    asked = {"patient_id": patient_id, "since": since, "until": until, "limit": limit}
    first, *listed = (await connection.execute(_STATEMENT, asked)).all()
    balance = opening = Decimal(first.amount)
    entries = []
    for row in listed:
        balance += row.amount
        entries.append(
            Entry(
                row.at,
                StatementKind(row.kind),
                row.facility,
                row.number,
                row.paper_id,
                row.means,
                row.amount,
                Decimal(row.settled),
                balance,
            )
        )
    return Statement(opening, tuple(entries))
