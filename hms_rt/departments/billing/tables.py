"""Tables of billing. The SQL is in ``migrations/versions/``. Money is ``numeric``, never anything else."""

import sqlalchemy as sa

from hms_rt.storage.metadata import Moment, metadata

currency = sa.Table(
    "billing_currency",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("scale", sa.SmallInteger, nullable=False),
)
"""One row: what every amount is in."""

payer = sa.Table(
    "billing_payer",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
)

patient_class = sa.Table(
    "billing_class",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
)

service = sa.Table(
    "billing_service",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("source", sa.Text),
    sa.Column("chargeable", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

tariff = sa.Table(
    "billing_tariff",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("service", sa.ForeignKey("billing_service.code"), nullable=False),
    sa.Column("payer", sa.ForeignKey("billing_payer.code"), nullable=False),
    sa.Column("patient_class", sa.ForeignKey("billing_class.code"), nullable=False),
)
"""A service for a payer and class; its prices follow each other without overlap."""

price = sa.Table(
    "billing_price",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("tariff_id", sa.ForeignKey("billing_tariff.id"), nullable=False),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_until", sa.Date),
    sa.Column("unit_price", sa.Numeric, nullable=False),
    sa.Column("tax_rate", sa.Numeric, nullable=False),
    sa.Column("payer_share", sa.Numeric, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
)

coverage = sa.Table(
    "billing_coverage",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("payer", sa.ForeignKey("billing_payer.code"), nullable=False),
    sa.Column("patient_class", sa.ForeignKey("billing_class.code"), nullable=False),
    sa.Column("policy", sa.Text),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
)
"""Who pays for a patient from a day on, and in which class; the newest of a day counts."""

stay = sa.Table(
    "billing_stay",
    metadata,
    sa.Column("admission_id", sa.Uuid, primary_key=True),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("ward", sa.Text),
    sa.Column("arrived", sa.Date, nullable=False),
    sa.Column("next_day", sa.Date, nullable=False),
)
"""What is charged by the day: the ward (null once the patient left) and the first day not charged yet."""

charge = sa.Table(
    "billing_charge",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("admission_id", sa.Uuid),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("service", sa.ForeignKey("billing_service.code")),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("payer", sa.ForeignKey("billing_payer.code"), nullable=False),
    sa.Column("patient_class", sa.ForeignKey("billing_class.code"), nullable=False),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
    *(
        sa.Column(name, sa.Numeric)
        for name in ("unit_price", "tax_rate", "net", "tax", "gross", "payer_part", "patient_part")
    ),
    sa.Column("reverses", sa.ForeignKey("billing_charge.id"), unique=True),
    sa.Column("reversed_by", sa.ForeignKey("billing_charge.id")),
    sa.Column("reason", sa.Text),
    sa.Column("reduces", sa.ForeignKey("billing_charge.id")),
)
"""The append-only ledger of what was done and what it costs."""

cashier = sa.Table(
    "billing_cashier",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("facility", sa.Text, nullable=False),
)
"""Counters at which money is taken; an assignment names one by its code."""

series = sa.Table(
    "billing_series",
    metadata,
    sa.Column("facility", sa.Text, primary_key=True),
    sa.Column("series", sa.Text, primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
)
"""The last number given of each kind of paper."""

shift = sa.Table(
    "billing_shift",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("counter", sa.ForeignKey("billing_cashier.code"), nullable=False),
    sa.Column("cashier", sa.Uuid, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("opened_at", Moment, nullable=False),
    sa.Column("opening_cash", sa.Numeric, nullable=False),
    sa.Column("cash", sa.Numeric, nullable=False),
    sa.Column("closed_at", Moment),
    sa.Column("counted", sa.Numeric),
    sa.Column("difference", sa.Numeric),
    sa.Column("reason", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
)

shift_means = sa.Table(
    "billing_shift_means",
    metadata,
    sa.Column("shift_id", sa.ForeignKey("billing_shift.id"), primary_key=True),
    sa.Column("means", sa.Text, primary_key=True),
    sa.Column("opening", sa.Numeric, nullable=False),
    sa.Column("received", sa.Numeric, nullable=False),
    sa.Column("given_back", sa.Numeric, nullable=False),
    sa.Column("counted", sa.Numeric),
    sa.Column("reason", sa.Text),
)
"""What a shift took and gave back by each means (moved by triggers, as money moves), and what was counted."""

invoice = sa.Table(
    "billing_invoice",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("number", sa.BigInteger),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("admission_id", sa.Uuid),
    sa.Column("counter", sa.ForeignKey("billing_cashier.code")),
    sa.Column("state", sa.Text, nullable=False),
    *(
        sa.Column(name, sa.Numeric, nullable=False)
        for name in ("total", "patient_part", "payer_part", "paid", "credited")
    ),
    sa.Column("credits", sa.ForeignKey("billing_invoice.id")),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("created_by", sa.Uuid, nullable=False),
    sa.Column("issued_at", Moment),
    sa.Column("void_requested_by", sa.Uuid),
    sa.Column("void_reason", sa.Text),
    sa.Column("voided_by", sa.Uuid),
    sa.Column("voided_at", Moment),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("payer", sa.ForeignKey("billing_payer.code"), nullable=False),
    sa.Column("owed", sa.Numeric, nullable=False),
    sa.Column("share_of", sa.ForeignKey("billing_invoice.id")),
    sa.Column("refusal_id", sa.ForeignKey("billing_refusal.id", use_alter=True)),
)
"""Invoices and credit notes; ``paid`` and ``credited`` are sums that the database holds to their rows."""

refusal = sa.Table(
    "billing_refusal",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("invoice_id", sa.ForeignKey("billing_invoice.id"), nullable=False),
    sa.Column("payer", sa.ForeignKey("billing_payer.code"), nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
)
"""What payers refused: each is a credit note and an invoice to who owes it since; append-only."""

line = sa.Table(
    "billing_line",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("invoice_id", sa.ForeignKey("billing_invoice.id"), nullable=False),
    sa.Column("charge_id", sa.ForeignKey("billing_charge.id"), nullable=False),
    sa.Column("gross", sa.Numeric, nullable=False),
    sa.Column("payer_part", sa.Numeric, nullable=False),
    sa.Column("patient_part", sa.Numeric, nullable=False),
    sa.Column("live", sa.Boolean, nullable=False),
)
"""Which charge is on which invoice; not ``live`` once it was taken off, or the invoice is void."""

payment = sa.Table(
    "billing_payment",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("number", sa.BigInteger),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("payer", sa.ForeignKey("billing_payer.code"), nullable=False),
    sa.Column("shift_id", sa.ForeignKey("billing_shift.id"), nullable=False),
    sa.Column("means", sa.Text, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("reference", sa.Text),
    sa.Column("tendered", sa.Numeric),
    sa.Column("state", sa.Text, nullable=False),
    *(sa.Column(name, sa.Numeric, nullable=False) for name in ("allocated", "refunded")),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("created_by", sa.Uuid, nullable=False),
    sa.Column("captured_at", Moment),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Payments; what is neither allocated nor refunded is the patient's deposit."""

payment_event = sa.Table(
    "billing_payment_event",
    metadata,
    sa.Column("payment_id", sa.ForeignKey("billing_payment.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("move", sa.Text, nullable=False),
    sa.Column("state_before", sa.Text),
    sa.Column("state_after", sa.Text, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
)
"""What happened to payments, append-only; the state of a payment is that of its newest event."""

allocation = sa.Table(
    "billing_allocation",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("payment_id", sa.ForeignKey("billing_payment.id"), nullable=False),
    sa.Column("invoice_id", sa.ForeignKey("billing_invoice.id"), nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
)
"""What of which payment pays which invoice, append-only; negative where it was freed again."""

refund = sa.Table(
    "billing_refund",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("payment_id", sa.ForeignKey("billing_payment.id"), nullable=False),
    sa.Column("shift_id", sa.ForeignKey("billing_shift.id"), nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Uuid, nullable=False),
    sa.Column("requested_at", Moment, nullable=False),
    sa.Column("decided_by", sa.Uuid),
    sa.Column("decided_at", Moment),
    sa.Column("version", sa.Integer, nullable=False),
)

issuer = sa.Table(
    "billing_issuer",
    metadata,
    sa.Column("facility", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("tax_number", sa.Text, nullable=False),
    sa.Column("footer", sa.Text, nullable=False),
    sa.Column("language", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Who sends a facility's papers."""

print_count = sa.Table(
    "billing_print",
    metadata,
    sa.Column("paper", sa.Text, primary_key=True),
    sa.Column("paper_id", sa.Uuid, primary_key=True),
    sa.Column("printed", sa.Integer, nullable=False),
)
"""How often a paper was printed: the first is the original."""

estimate = sa.Table(
    "billing_estimate",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("payer", sa.ForeignKey("billing_payer.code"), nullable=False),
    sa.Column("patient_class", sa.ForeignKey("billing_class.code"), nullable=False),
    sa.Column("planned_on", sa.Date, nullable=False),
    sa.Column("valid_until", sa.Date, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("total", sa.Numeric, nullable=False),
    sa.Column("payer_part", sa.Numeric, nullable=False),
    sa.Column("patient_part", sa.Numeric, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("created_by", sa.Uuid, nullable=False),
)
"""What something planned would cost: charges nothing, and never changes."""

estimate_line = sa.Table(
    "billing_estimate_line",
    metadata,
    sa.Column("estimate_id", sa.ForeignKey("billing_estimate.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("service", sa.ForeignKey("billing_service.code"), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("unit_price", sa.Numeric, nullable=False),
    sa.Column("tax_rate", sa.Numeric, nullable=False),
    *(
        sa.Column(name, sa.Numeric, nullable=False)
        for name in ("net", "tax", "gross", "payer_part", "patient_part")
    ),
)

discount_limit = sa.Table(
    "billing_discount_limit",
    metadata,
    sa.Column("holder", sa.Text, primary_key=True),
    sa.Column("percent", sa.Numeric, nullable=False),
    sa.Column("amount", sa.Numeric),
    sa.Column("version", sa.Integer, nullable=False),
)
"""What a role or assignment may take off alone."""

discount = sa.Table(
    "billing_discount",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("invoice_id", sa.ForeignKey("billing_invoice.id"), nullable=False),
    sa.Column("charge_id", sa.ForeignKey("billing_charge.id")),
    sa.Column("percent", sa.Numeric),
    sa.Column("amount", sa.Numeric),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("gross", sa.Numeric, nullable=False),
    sa.Column("share", sa.Numeric, nullable=False),
    sa.Column("authority", sa.Numeric, nullable=False),
    sa.Column("requested_by", sa.Uuid, nullable=False),
    sa.Column("requested_at", Moment, nullable=False),
    sa.Column("decided_by", sa.Uuid),
    sa.Column("decided_at", Moment),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Discounts given or asked for; what they take off is a charge for each line (``reduces``)."""

package_item = sa.Table(
    "billing_package_item",
    metadata,
    sa.Column("package", sa.ForeignKey("billing_service.code"), primary_key=True),
    sa.Column("service", sa.ForeignKey("billing_service.code"), primary_key=True),
    sa.Column("quantity", sa.Numeric, nullable=False),
)
"""What a package includes; its price is that of the service of its code."""

package_use = sa.Table(
    "billing_package_use",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("package", sa.ForeignKey("billing_service.code"), nullable=False),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("admission_id", sa.Uuid),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("until", sa.Date, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("applied_at", Moment, nullable=False),
    sa.Column("applied_by", sa.Uuid, nullable=False),
    sa.Column("withdrawn_at", Moment),
    sa.Column("withdrawn_by", sa.Uuid),
    sa.Column("reason", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
)
"""For whom a package was applied: for an admission, or some days without one."""

package_left = sa.Table(
    "billing_package_left",
    metadata,
    sa.Column("use_id", sa.ForeignKey("billing_package_use.id"), primary_key=True),
    sa.Column("service", sa.ForeignKey("billing_service.code"), primary_key=True),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("used", sa.Numeric, nullable=False),
)
"""How much of each service a package includes, and how much of that is used."""

day = sa.Table(
    "billing_day",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("facility", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("shifts", sa.Integer, nullable=False),
    sa.Column("opening_cash", sa.Numeric, nullable=False),
    sa.Column("counted", sa.Numeric, nullable=False),
    sa.Column("difference", sa.Numeric, nullable=False),
    sa.Column("closed_at", Moment, nullable=False),
    sa.Column("closed_by", sa.Uuid, nullable=False),
)
"""Closed days of a facility: append-only."""

day_means = sa.Table(
    "billing_day_means",
    metadata,
    sa.Column("day_id", sa.ForeignKey("billing_day.id"), primary_key=True),
    sa.Column("means", sa.Text, primary_key=True),
    sa.Column("opening", sa.Numeric, nullable=False),
    sa.Column("received", sa.Numeric, nullable=False),
    sa.Column("given_back", sa.Numeric, nullable=False),
    sa.Column("counted", sa.Numeric),
)
"""What a closed day received, gave back and counted by each means."""

books = sa.Table(
    "billing_books",
    metadata,
    sa.Column("facility", sa.Text, primary_key=True),
    sa.Column("closed_until", sa.Date),
)
"""Up to which day a facility's cash is closed: locked by whoever opens a shift or closes a day (triggers)."""
