"""Billing: who sends papers, and how often each was printed.

Revision ID: 0029
Revises: 0028
"""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE billing_issuer (
        facility text PRIMARY KEY,
        name text NOT NULL,
        address text NOT NULL,
        tax_number text NOT NULL,
        footer text NOT NULL,
        language text CONSTRAINT billing_issuer_language_check CHECK (language ~ '^[a-z]{2}$'),
        version integer NOT NULL
    )
    """,
    # There is one original of a paper: it only goes on from copy to copy.
    """
    CREATE TABLE billing_print (
        paper text NOT NULL CONSTRAINT billing_print_paper_check CHECK (
            paper IN ('invoice', 'receipt', 'refund', 'shift', 'estimate', 'day')),
        paper_id uuid NOT NULL,
        printed integer NOT NULL CONSTRAINT billing_print_printed_check CHECK (printed > 0),
        PRIMARY KEY (paper, paper_id)
    )
    """,
    """
    CREATE FUNCTION billing_count_prints() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (NEW.paper, NEW.paper_id, NEW.printed) <> (OLD.paper, OLD.paper_id, OLD.printed + 1) THEN
            RAISE EXCEPTION 'a paper is printed once more' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER one_more BEFORE UPDATE ON billing_print
        FOR EACH ROW EXECUTE FUNCTION billing_count_prints()
    """,
    """
    CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON billing_print
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
)


def upgrade() -> None:
    """Make the tables."""
    for statement in STATEMENTS:
        op.execute(statement)
