"""The words of the examples in ``/openapi.json``: what stands in a field of that name, wherever it occurs.

One patient, one medicine and one invoice run through them, so that what is shown on one page is met again on
the next. Names and numbers are made up.
"""

from collections.abc import Mapping
from typing import Any

DAY = "2026-03-02"
MOMENT = "2026-03-02T08:15:00Z"
"""Of every day and moment without a word of its own."""

_TEXTS = {
    "address": "1 Main Road\nSpringfield",
    "atc": "J01CA04",
    "brand": "Amoxil",
    "clinic": "GEN",
    "code": "AMOX500",
    "counter": "C1",
    "cursor": "eyJhZnRlciI6IjAxOTU1NDBjIn0",
    "description": "Wound dressing",
    "detail": "Paracetamol was prescribed yesterday",
    "directions": "One capsule three times a day, for five days",
    "dispensary": "MAIN",
    "dispense_unit": "capsule",
    "dose_unit": "mg",
    "ends_at": "2026-03-07T08:15:00Z",
    "error": "HTTP 503 Service Unavailable",
    "expires_at": "2027-03-02T08:15:00Z",
    "expires_on": "2027-06-30",
    "facility": "MAIN",
    "form": "capsule",
    "from_store": "MAIN",
    "generic": "Amoxicillin",
    "holder": "reception",
    "key": "bed:0195540c-8000-7000-8000-000000000000",
    "language": "en",
    "last_used_from": "10.20.0.5",
    "lot": "B2207",
    "medicine": "AMOX500",
    "mrn": "MRN-000042",
    "name": "Amoxicillin 500 mg capsules",
    "note": "Told to take it with food",
    "package": "CHECKUP",
    "patient_class": "STD",
    "patient_name": "Curie, Marie",
    "payer": "SELF",
    "policy": "P-2026-0042",
    "purpose": "Nightly copy for the reports",
    "reason": "Entered twice by mistake",
    "request_id": "0195540c-8000-7000-8000-0000000000aa",
    "service": "DRESSING",
    "source": "AMOX500",
    "store": "MAIN",
    "stream": "beds/ward:ICU",
    "strength_unit": "mg",
    "tax_number": "ATU12345678",
    "text": "Amoxicillin 500 mg is ordered twice",
    "title": "Amoxicillin 500 mg capsules",
    "to_store": "ICU-CUP",
    "until": "2026-03-31",
    "used": "1",
    "valid_until": "2026-12-31",
    "ward": "ICU",
    "warned": "The patient takes another penicillin",
}

_SUMS = {
    "allocated": "12.50",
    "amount": "12.50",
    "arrived": "40",
    "cash": "62.50",
    "counted": "62.50",
    "credited": "0.00",
    "deposit": "0.00",
    "difference": "0.00",
    "dispensed": "15",
    "dose": "500",
    "due": "12.50",
    "expected": "62.50",
    "free": "0.00",
    "given_back": "0.00",
    "left": "15",
    "gross": "12.50",
    "net": "12.50",
    "opening": "50.00",
    "opening_cash": "50.00",
    "over_90": "0.00",
    "owed": "12.50",
    "own_part": "12.50",
    "paid": "0.00",
    "patient_part": "12.50",
    "payer_part": "0.00",
    "payer_share": "0",
    "per": "1",
    "quantity": "15",
    "received": "12.50",
    "refunded": "0.00",
    "returned": "0",
    "share": "0",
    "strength": "500",
    "tax": "0.00",
    "tax_rate": "0",
    "total": "12.50",
    "unbilled": "0.00",
    "unit_price": "12.50",
    "up_to_30": "12.50",
    "up_to_60": "0.00",
    "up_to_90": "0.00",
    "usable": "120",
    "variance": "0",
}

_NUMBERS = {"duration_days": 5, "number": 10_324, "scale": 2, "version": 1}

WORDS: Mapping[str, Any] = {**_TEXTS, **_SUMS, **_NUMBERS, "times": ["08:00", "14:00", "20:00"]}
"""By the name of the field; used where the field's schema allows it."""

SHOWN = frozenset(
    {
        *(
            "amount",
            "atc",
            "brand",
            "captured_at",
            "clinic",
            "counter",
            "dispensary",
            "gross",
            "issued_at",
            "net",
        ),
        *("number", "owed", "own_part", "patient_part", "payer_part", "policy", "tax", "total", "unit_price"),
    }
)
"""Of an answer's fields that may be null those that mostly are not."""

TAGS = frozenset(
    {
        *("billing", "changes", "dispensing", "pharmacy", "prescriptions", "reporting", "sales", "stock"),
        *("stock-levels", "webhooks"),
    }
)
"""The departments whose bodies and answers are shown with an example."""

_STORE = {"code": "MAIN", "name": "Main dispensary", "ward": None}
_SERVICE = {
    "code": "DRESSING",
    "name": "Wound dressing",
    "kind": "procedure",
    "source": None,
    "chargeable": True,
}
_CODE = {"code": "STATE", "name": "State health insurance"}
_CASHIER = {"code": "C1", "name": "Cashier 1, entrance hall"}
_EUR = {"code": "EUR"}
_ISSUER = {"name": "General Hospital", "address": "1 Main Road\nSpringfield"}
_READER = {"name": "Reports", "streams": ["beds", "opd/clinic:GEN"]}
_HOOK = {"url": "https://reports.hospital.lan/hms", "streams": ["beds"]}
_WHEN = {"occurred_at": MOMENT}
_THRICE = {"kind": "times_per_day", "times": ["08:00", "14:00", "20:00"]}
_CHARGED = {"kind": "procedure", "source": "DRESSING", "service": "DRESSING", "quantity": "1"}
_ONE = {"quantity": "1"}
_INVOICE = {"state": "issued", "kind": "final"}

OF_SCHEMA: Mapping[str, Mapping[str, Any]] = {
    "AccountNew": {**_READER, "expires_at": "2027-03-02T08:15:00Z"},
    "AccountOut": {**_READER, "networks": ["10.20.0.5/32"]},
    "AccountUpdate": {"streams": _READER["streams"]},
    "Activation": _WHEN,
    "CashierIn": _CASHIER,
    "CashierOut": _CASHIER,
    "ChargeIn": {**_ONE, "reason": "Done at the bedside, not recorded there"},
    "ChargeOut": _CHARGED,
    "CodeIn": _CODE,
    "CodeOut": _CODE,
    "CoverageIn": {"payer": "STATE", "policy": "P-2026-0042"},
    "CurrencyIn": _EUR,
    "CurrencyOut": _EUR,
    "DayIn": {"facility": "MAIN", "day": DAY},
    "DiscountIn": {"percent": "10", "reason": "Member of staff"},
    "DiscountOut": {"percent": "10", "amount": None, "reason": "Member of staff"},
    "EstimateLineOut": _ONE,
    "FrequencyIn": _THRICE,
    "FrequencyOut": _THRICE,
    "InvoiceDetail": _INVOICE,
    "InvoiceOut": _INVOICE,
    "IssueIn": {"counter": "C1"},
    "IssuerIn": _ISSUER,
    "IssuerOut": _ISSUER,
    "LeftOut": {**_ONE, "used": "0"},
    "LevelIn": {"reorder_level": "50"},
    "LevelOut": {"reorder_level": "50"},
    "MedicineChange": {"brand": "Amoxil"},
    "NotDispensedIn": {"reason": "Out of stock until Thursday"},
    "PackageItem": _ONE,
    "PaymentOut": {"state": "captured", "allocated": "0.00", "free": "12.50"},
    "PlannedIn": _ONE,
    "PrescriptionIn": {"clinic": "GEN"},
    "PrescriptionOut": {"state": "active"},
    "PriceCharge": {"service": "DRESSING", "reason": "Charged under the code of last year"},
    "ProcedureIn": _ONE,
    "ProcedureOut": _ONE,
    "RecallIn": {"reason": "Recall of the manufacturer, notice 2026-17"},
    "ReceiptIn": {"quantity": "120"},
    "RefundIn": {"reason": "Treated elsewhere"},
    "RefundOut": {"reason": "Treated elsewhere"},
    "RefusalIn": {"amount": "12.50", "reason": "Not covered by the policy: letter of 12 March, code 96"},
    "ReturnIn": {"reason": "The patient was discharged before it was begun"},
    "ServiceChange": {"name": "Wound dressing, large"},
    "ServiceIn": {key: value for key, value in _SERVICE.items() if value is not None},
    "ServiceOut": _SERVICE,
    "SettleIn": {"amount": "12.50"},
    "StatementEntry": {"kind": "invoice", "means": None, "settled": "0.00", "balance": "12.50"},
    "StatementOut": {"opening": "0.00", "closing": "12.50", "unbilled": "0.00"},
    "ShiftClose": {"counted": "62.50", "means": [{"means": "card", "counted": "38.00"}]},
    "StockOut": {"quantity": "120"},
    "StoreChange": {"near_expiry_days": 60},
    "StoreIn": {key: value for key, value in _STORE.items() if value is not None},
    "StoreOut": _STORE,
    "Tender": {"means": "cash", "amount": "12.50"},
    "WebhookNew": _HOOK,
    "WebhookOut": _HOOK,
    "WebhookUpdate": {"streams": _HOOK["streams"]},
    "When": _WHEN,
}
"""By schema: fields that depend on each other, and those that mean something else than elsewhere."""
