"""Labels: what a patient must know, in the facility's language; read back from the PDF."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from hms_rt.departments.patients.schemas.details import WhyIn
from hms_rt.departments.pharmacy.model.formulary import Form, FormularyStatus, Medicine, Route
from hms_rt.departments.pharmacy.model.frequency import Frequency, FrequencyKind
from hms_rt.departments.pharmacy.schemas.prescriptions import Why
from hms_rt.departments.pharmacy.views.instructions import Taken, instruction
from hms_rt.departments.pharmacy.views.labels import NARROW_BAR, Label, barcode, pdf
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Role
from tests.conftest import ClientFactory, command
from tests.lab.barcodes import pages as bars
from tests.lab.barcodes import scanned
from tests.pharmacy.conftest import Pharmacy, line, refused
from tests.pharmacy.shelves import prepare, receive

K = FrequencyKind
THRICE = Taken(
    Route.ORAL,
    Decimal("2.5"),
    "mL",
    Decimal(60),
    "mg",
    Frequency(K.TIMES_PER_DAY, ("08:00", "14:00", "20:00")),
    5,
)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Take 2.5 mL (60 mg) 3 times a day at 08:00, 14:00, and 20:00 for 5 days."),
        ("de", "2,5 mL (60 mg) einnehmen, 3-mal täglich um 08:00, 14:00 und 20:00, 5 Tage lang."),
        ("es", "Tomar 2,5 mL (60 mg) 3 veces al día a las 08:00, 14:00 y 20:00 durante 5 días."),
        ("fr", "Prendre 2,5 mL (60 mg) 3 fois par jour à 08:00, 14:00 et 20:00 pendant 5 jours."),
        ("nl", "2,5 mL (60 mg) innemen, 3 keer per dag om 08:00, 14:00 en 20:00, 5 dagen lang."),
        ("it", "Assumere 2,5 mL (60 mg) 3 volte al giorno alle ore 08:00, 14:00 e 20:00 per 5 giorni."),
        ("pt", "Tomar 2,5 mL (60 mg) 3 vezes por dia às 08:00, 14:00 e 20:00 durante 5 dias."),
        ("tr", "2,5 mL (60 mg) ağızdan alın, günde 3 kez saat 08:00, 14:00 ve 20:00, 5 gün boyunca."),
        (
            "pl",
            "Przyjmować doustnie 2,5 mL (60 mg), 3 razy dziennie o godz. 08:00, 14:00 i 20:00, przez 5 dni.",
        ),
        (
            "ru",
            "Принимать внутрь 2,5 mL (60 mg), 3 раза в день в 08:00, 14:00 и 20:00, в течение 5 дней.",
        ),
        (
            "uk",
            "Приймати всередину 2,5 mL (60 mg), 3 рази на день о 08:00, 14:00 і 20:00, протягом 5 днів.",
        ),
        (
            "ar",
            "تناول \u20682.5\u00a0mL\u00a0(60\u00a0mg)\u2069، 3 مرات يومياً"
            " الساعة 08:00 و14:00 و20:00، لمدة 5 أيام.",
        ),
        ("fi", "Take 2.5 mL (60 mg) 3 times a day at 08:00, 14:00, and 20:00 for 5 days."),
    ],
)
def test_instructions_are_whole_sentences_in_every_language(language: str, said: str) -> None:
    assert instruction(THRICE, language) == said


def test_every_frequency_has_its_words() -> None:
    kinds = {
        Frequency(K.ONCE): "once",
        Frequency(K.TIMES_PER_DAY, ("08:00",)): "once a day at 08:00",
        Frequency(K.EVERY_HOURS, every_hours=1): "every hour",
        Frequency(K.EVERY_HOURS, every_hours=8): "every 8 hours",
        Frequency(K.AS_NEEDED, max_per_24h=4): "when needed, at most 4 times in 24 hours",
        Frequency(K.AS_NEEDED, max_per_24h=1): "when needed, at most once in 24 hours",
    }
    for frequency, said in kinds.items():
        days = "" if frequency.kind is K.ONCE else " for 1 day"
        shown = instruction(replace(THRICE, frequency=frequency, days=1), "en")
        assert shown == f"Take 2.5 mL (60 mg) {said}{days}."


def pages(content: bytes) -> list[str]:
    return [re.sub(r"\s+", " ", page.extract_text()) for page in PdfReader(BytesIO(content)).pages]


def test_a_label_says_all_in_the_facilitys_words_and_fits() -> None:
    syrup = Medicine("P", "Paracetamol", "Doliprane", Form.SUSPENSION, Decimal(120), "mg", Decimal(5), "mL",
                     None, None, None, None, controlled=False, status=FormularyStatus.ACTIVE)  # fmt: skip
    label = Label(
        number=123,
        patient="Łukasiewicz, Ignacy",
        mrn="M-000042",
        medicine=syrup,
        taken=THRICE,
        note="nach dem Essen " * 30,
        quantity=Decimal("37.5"),
        lots=[("A1", Decimal(30)), ("B2", Decimal("7.5"))],
        use_by=date(2027, 3, 31),
        dispensed_at=datetime(2026, 6, 30, 22, 30, tzinfo=UTC),
        initials="MC",
    )
    content = pdf([label, label], language="de", zone=ZoneInfo("Europe/Vienna"))
    assert content == pdf([label, label], language="de", zone=ZoneInfo("Europe/Vienna"))
    text, again = pages(content)
    assert text == again
    for said in (
        "ukasiewicz, Ignacy M-000042",
        "Paracetamol 120 mg/5 mL Suspension (Doliprane)",
        "2,5 mL (60 mg) einnehmen, 3-mal täglich",
        "…",
        "Menge: 37,5 mL",
        "Charge A1 (30), B2 (7,5), verwendbar bis 31.03.2027",
        "Abgegeben 01.07.2026 von MC",
        "RX000123",
    ):
        assert said in text, (said, text)
    assert scanned(bars(content)[0], NARROW_BAR) == barcode(123)


async def test_labels_of_a_dispense_one_for_each_line(pharmacy: Pharmacy, client_as: ClientFactory) -> None:
    service, clerk = pharmacy.services.pharmacy, pharmacy.pharmacist
    await receive(pharmacy, "SOON", 30, "4")
    await receive(pharmacy, "LATE", 400, "100")
    patient = await pharmacy.patient("Curie")
    rx = await pharmacy.active(line(note="after meals"), line("MORPH10", "10"), patient_id=patient)
    made = await prepare(pharmacy, rx, "6")
    desk = await client_as(Role.PHARMACY)
    answer = await desk.get(f"/api/v1/dispenses/{made.id}/labels?copies=2")
    assert (answer.status, answer.content_type) == (200, "application/pdf")
    text, _ = pages(await answer.read())
    for said in ("Curie", "Amoxicillin 500 mg capsule", "after meals", "Quantity: 6 capsule",
                 "Lot SOON (4), LATE (2)", f"RX{rx.number:06}", "by TP"):  # fmt: skip
        assert said in text, (said, text)
    found = await desk.get(f"/api/v1/prescriptions?number={rx.number}")
    assert [one["id"] for one in (await found.json())["items"]] == [str(rx.id)]
    assert (await desk.get(f"/api/v1/dispenses/{made.id}/labels?copies=11")).status == 422
    nurse = await client_as(Role.NURSE, ward="ICU")
    assert (await nurse.get(f"/api/v1/dispenses/{made.id}/labels")).status == 403

    await pharmacy.services.patients.restrict(SYSTEM, command(), patient, WhyIn(reason="asked for"))
    (text,) = pages(await service.dispense_labels(clerk, command(), made.id, 1))
    assert "Curie" not in text
    assert rx.mrn in text
    await service.cancel_dispense(clerk, command(), made.id, Why(reason="changed"))
    await refused(Code.CONFLICT, service.dispense_labels(clerk, command(), made.id, 1))
