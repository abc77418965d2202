"""Billing: invoices, payments, refunds, cashiers' shifts.

Revision ID: 0025
Revises: 0024
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE billing_cashier (
        code text PRIMARY KEY,
        name text NOT NULL,
        facility text NOT NULL
    )
    """,
    # Numbers without gaps: given by the transaction that uses them, and given back with it.
    """
    CREATE TABLE billing_series (
        facility text NOT NULL,
        series text NOT NULL CONSTRAINT billing_series_series_check CHECK (
            series IN ('invoice', 'credit_note', 'receipt')),
        last bigint NOT NULL,
        PRIMARY KEY (facility, series)
    )
    """,
    """
    CREATE TABLE billing_shift (
        id uuid PRIMARY KEY,
        facility text NOT NULL,
        counter text NOT NULL CONSTRAINT billing_shift_counter_fkey REFERENCES billing_cashier,
        cashier uuid NOT NULL,
        opened_at timestamptz NOT NULL,
        opening_cash numeric NOT NULL CONSTRAINT billing_shift_opening_cash_check CHECK (opening_cash >= 0),
        cash numeric NOT NULL CONSTRAINT billing_shift_cash_check CHECK (cash >= 0),
        closed_at timestamptz,
        counted numeric CONSTRAINT billing_shift_counted_check CHECK (counted >= 0),
        difference numeric,
        reason text,
        version integer NOT NULL,
        CONSTRAINT billing_shift_closed_check CHECK (
            (closed_at IS NULL) = (counted IS NULL) AND (closed_at IS NULL) = (difference IS NULL)
            AND difference = counted - cash AND (difference = 0 OR reason IS NOT NULL))
    )
    """,
    "CREATE UNIQUE INDEX billing_shift_counter_key ON billing_shift (counter) WHERE closed_at IS NULL",
    "CREATE UNIQUE INDEX billing_shift_cashier_key ON billing_shift (cashier) WHERE closed_at IS NULL",
    "CREATE INDEX billing_shift_counter_idx ON billing_shift (counter, id)",
    """
    CREATE TABLE billing_invoice (
        id uuid PRIMARY KEY,
        facility text NOT NULL,
        kind text NOT NULL CONSTRAINT billing_invoice_kind_check CHECK (
            kind IN ('interim', 'final', 'credit_note')),
        number bigint,
        patient_id uuid NOT NULL CONSTRAINT billing_invoice_patient_id_fkey REFERENCES patients_patient,
        admission_id uuid,
        counter text CONSTRAINT billing_invoice_counter_fkey REFERENCES billing_cashier,
        state text NOT NULL CONSTRAINT billing_invoice_state_check CHECK (
            state IN ('draft', 'issued', 'part_paid', 'paid', 'void')),
        total numeric NOT NULL,
        patient_part numeric NOT NULL,
        payer_part numeric NOT NULL,
        paid numeric NOT NULL,
        credited numeric NOT NULL,
        credits uuid CONSTRAINT billing_invoice_credits_fkey REFERENCES billing_invoice,
        created_at timestamptz NOT NULL,
        created_by uuid NOT NULL,
        issued_at timestamptz,
        void_requested_by uuid,
        void_reason text,
        voided_by uuid,
        voided_at timestamptz,
        version integer NOT NULL,
        CONSTRAINT billing_invoice_total_check CHECK (
            total = patient_part + payer_part AND (total >= 0 OR kind = 'credit_note')),
        CONSTRAINT billing_invoice_paid_check CHECK (
            paid >= 0 AND credited >= 0 AND (paid + credited <= total OR kind = 'credit_note')),
        CONSTRAINT billing_invoice_credits_check CHECK (
            (kind = 'credit_note') = (credits IS NOT NULL)
            AND (kind <> 'credit_note' OR state = 'issued' AND total < 0 AND paid = 0 AND credited = 0)),
        CONSTRAINT billing_invoice_settled_check CHECK (CASE state
            WHEN 'draft' THEN number IS NULL AND issued_at IS NULL AND paid + credited = 0
            WHEN 'issued' THEN number IS NOT NULL AND issued_at IS NOT NULL AND paid + credited = 0
            WHEN 'part_paid' THEN number IS NOT NULL AND paid + credited > 0 AND paid + credited < total
            WHEN 'paid' THEN number IS NOT NULL AND paid + credited = total
            ELSE paid + credited = 0 AND voided_by IS NOT NULL AND voided_at IS NOT NULL END),
        CONSTRAINT billing_invoice_void_check CHECK (
            (void_requested_by IS NULL) = (void_reason IS NULL)
            AND (state <> 'void' OR number IS NULL
                OR void_requested_by IS NOT NULL AND void_requested_by <> voided_by))
    )
    """,
    """
    CREATE UNIQUE INDEX billing_invoice_number_key
        ON billing_invoice (facility, (kind = 'credit_note'), number) WHERE number IS NOT NULL
    """,
    "CREATE INDEX billing_invoice_patient_id_idx ON billing_invoice (patient_id, id)",
    """
    CREATE INDEX billing_invoice_counter_idx ON billing_invoice (counter, id)
        WHERE counter IS NOT NULL AND state IN ('issued', 'part_paid')
    """,
    "CREATE INDEX billing_invoice_credits_idx ON billing_invoice (credits) WHERE credits IS NOT NULL",
    """
    CREATE TABLE billing_line (
        id uuid PRIMARY KEY,
        invoice_id uuid NOT NULL CONSTRAINT billing_line_invoice_id_fkey REFERENCES billing_invoice,
        charge_id uuid NOT NULL CONSTRAINT billing_line_charge_id_fkey REFERENCES billing_charge,
        gross numeric NOT NULL,
        payer_part numeric NOT NULL,
        patient_part numeric NOT NULL,
        live boolean NOT NULL
    )
    """,
    "CREATE INDEX billing_line_invoice_id_idx ON billing_line (invoice_id, id)",
    # A charge is on one invoice, or on none.
    "CREATE UNIQUE INDEX billing_line_charge_id_key ON billing_line (charge_id) WHERE live",
    """
    CREATE TABLE billing_payment (
        id uuid PRIMARY KEY,
        facility text NOT NULL,
        number bigint,
        patient_id uuid NOT NULL CONSTRAINT billing_payment_patient_id_fkey REFERENCES patients_patient,
        payer text NOT NULL CONSTRAINT billing_payment_payer_fkey REFERENCES billing_payer,
        shift_id uuid NOT NULL CONSTRAINT billing_payment_shift_id_fkey REFERENCES billing_shift,
        means text NOT NULL CONSTRAINT billing_payment_means_check CHECK (
            means IN ('cash', 'card', 'transfer', 'cheque', 'mobile')),
        amount numeric NOT NULL CONSTRAINT billing_payment_amount_check CHECK (amount > 0),
        reference text,
        state text NOT NULL CONSTRAINT billing_payment_state_check CHECK (
            state IN ('pending', 'captured', 'failed', 'refunded')),
        allocated numeric NOT NULL,
        refunded numeric NOT NULL,
        created_at timestamptz NOT NULL,
        created_by uuid NOT NULL,
        captured_at timestamptz,
        version integer NOT NULL,
        CONSTRAINT billing_payment_spent_check CHECK (
            allocated >= 0 AND refunded >= 0 AND allocated + refunded <= amount),
        CONSTRAINT billing_payment_captured_check CHECK (CASE state
            WHEN 'pending' THEN number IS NULL AND captured_at IS NULL AND allocated + refunded = 0
            WHEN 'failed' THEN number IS NULL AND captured_at IS NULL AND allocated + refunded = 0
            WHEN 'captured' THEN number IS NOT NULL AND captured_at IS NOT NULL AND refunded < amount
            ELSE number IS NOT NULL AND captured_at IS NOT NULL AND refunded = amount END)
    )
    """,
    """
    CREATE UNIQUE INDEX billing_payment_number_key ON billing_payment (facility, number)
        WHERE number IS NOT NULL
    """,
    "CREATE INDEX billing_payment_patient_id_idx ON billing_payment (patient_id, id)",
    "CREATE INDEX billing_payment_shift_id_idx ON billing_payment (shift_id, id)",
    """
    CREATE TABLE billing_payment_event (
        payment_id uuid NOT NULL CONSTRAINT billing_payment_event_payment_id_fkey REFERENCES billing_payment,
        position integer NOT NULL,
        move text NOT NULL CONSTRAINT billing_payment_event_move_check CHECK (
            move IN ('take', 'capture', 'fail', 'refund_part', 'refund_rest')),
        state_before text,
        state_after text NOT NULL,
        amount numeric NOT NULL CONSTRAINT billing_payment_event_amount_check CHECK (amount > 0),
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL,
        PRIMARY KEY (payment_id, position),
        CONSTRAINT billing_payment_event_legal_check CHECK (
            (move, coalesce(state_before, ''), state_after) IN (
                ('take', '', 'pending'), ('capture', 'pending', 'captured'), ('fail', 'pending', 'failed'),
                ('refund_part', 'captured', 'captured'), ('refund_rest', 'captured', 'refunded')))
    )
    """,
    """
    CREATE TABLE billing_allocation (
        id uuid PRIMARY KEY,
        payment_id uuid NOT NULL CONSTRAINT billing_allocation_payment_id_fkey REFERENCES billing_payment,
        invoice_id uuid NOT NULL CONSTRAINT billing_allocation_invoice_id_fkey REFERENCES billing_invoice,
        amount numeric NOT NULL CONSTRAINT billing_allocation_amount_check CHECK (amount <> 0),
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL
    )
    """,
    "CREATE INDEX billing_allocation_payment_id_idx ON billing_allocation (payment_id)",
    "CREATE INDEX billing_allocation_invoice_id_idx ON billing_allocation (invoice_id)",
    """
    CREATE TABLE billing_refund (
        id uuid PRIMARY KEY,
        payment_id uuid NOT NULL CONSTRAINT billing_refund_payment_id_fkey REFERENCES billing_payment,
        shift_id uuid NOT NULL CONSTRAINT billing_refund_shift_id_fkey REFERENCES billing_shift,
        amount numeric NOT NULL CONSTRAINT billing_refund_amount_check CHECK (amount > 0),
        reason text NOT NULL CONSTRAINT billing_refund_reason_check CHECK (length(reason) >= 3),
        state text NOT NULL CONSTRAINT billing_refund_state_check CHECK (
            state IN ('requested', 'approved', 'declined')),
        requested_by uuid NOT NULL,
        requested_at timestamptz NOT NULL,
        decided_by uuid,
        decided_at timestamptz,
        version integer NOT NULL,
        CONSTRAINT billing_refund_second_person_check CHECK (decided_by <> requested_by),
        CONSTRAINT billing_refund_decided_check CHECK (
            (state = 'requested') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL))
    )
    """,
    "CREATE INDEX billing_refund_payment_id_idx ON billing_refund (payment_id)",
    "CREATE INDEX billing_refund_shift_id_idx ON billing_refund (shift_id)",
    "CREATE INDEX billing_refund_requested_idx ON billing_refund (id) WHERE state = 'requested'",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in STATEMENTS:
        op.execute(statement)
