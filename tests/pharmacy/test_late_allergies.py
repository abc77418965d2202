"""An allergy becomes known while a prescription is in force: told, shown, and nothing is dispensed."""

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from hms_rt.departments.patients.schemas import MergeIn, UndoMerge
from hms_rt.departments.patients.schemas.allergies import AllergyError, AllergyIn
from hms_rt.departments.pharmacy.model.safety import WarningKind
from hms_rt.departments.pharmacy.schemas.prescriptions import LateOverrides, OverrideIn, PrescriptionOut, When
from hms_rt.departments.pharmacy.schemas.stock import CupboardIn, DispenseIn, ReceiptIn
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.pharmacy.conftest import Pharmacy, Query, line, refused

PENICILLINS = AllergyIn(substance="Penicillins", code_system="ATC", code="J01C")
CAPSULES = AllergyIn(substance="Amoxicillin trihydrate")


async def stocked(pharmacy: Pharmacy, store: str = "MAIN") -> None:
    goods = {"medicine": "AMOX500", "lot": f"L-{uuid.uuid4()}", "expires_on": "2099-01-31", "quantity": "40"}
    await pharmacy.services.pharmacy.receive(SYSTEM, command(), store, ReceiptIn.model_validate(goods))


async def allergic(pharmacy: Pharmacy, patient_id: uuid.UUID, to: AllergyIn) -> uuid.UUID:
    return (await pharmacy.services.patients.add_allergy(SYSTEM, command(), patient_id, to)).id


def dispense(of: PrescriptionOut, quantity: str = "3") -> DispenseIn:
    return DispenseIn.model_validate({"lines": [{"line_id": str(of.lines[0].id), "quantity": quantity}]})


def because(of: PrescriptionOut) -> LateOverrides:
    one = OverrideIn(line_id=of.lines[0].id, kind=WarningKind.ALLERGY, reason="tolerated before")
    return LateOverrides(overrides=[one])


async def told(query: Query, who: uuid.UUID) -> list[Any]:
    return await query(
        "SELECT title FROM notifications_notification WHERE user_id = :who AND kind = 'allergy_alert'",
        who=who,
    )


async def test_nothing_is_dispensed_until_a_doctor_says_why_it_goes_on(
    pharmacy: Pharmacy, query: Query
) -> None:
    service = pharmacy.services.pharmacy
    await stocked(pharmacy)
    active = await pharmacy.active(line(), line("PARA-SYR", "240"), by=pharmacy.doctor)
    ready = await service.prepare(pharmacy.pharmacist, command(), active.id, dispense(active))
    wrong = because(active)
    await refused(Code.CONFLICT, service.override_alerts(pharmacy.doctor, command(), active.id, wrong))
    await allergic(pharmacy, active.patient_id, PENICILLINS)

    shown = await service.prescription(pharmacy.pharmacist, command(), active.id)
    assert [one.allergy_alert for one in shown.lines] == [True, False]
    (row,) = await query(
        "SELECT ops FROM change_log WHERE stream = 'pharmacy/dispensary:MAIN' ORDER BY version DESC LIMIT 1"
    )
    assert [one["allergy_alert"] for one in row.ops[0]["value"]["lines"]] == [True, False]
    assert len(await told(query, pharmacy.doctor.id)) == 1
    error = await refused(
        Code.CONFLICT, service.prepare(pharmacy.pharmacist, command(), active.id, dispense(active))
    )
    assert "enicillin" not in error.detail, "what the patient is allergic to is clinical"
    await refused(Code.CONFLICT, service.hand_over(pharmacy.pharmacist, command(), ready.id, When()))
    assert len((await service.prescription_warnings(pharmacy.doctor, command(), active.id)).warnings) == 1
    await refused(
        Code.FORBIDDEN, service.override_alerts(pharmacy.pharmacist, command(), active.id, because(active))
    )

    on = await service.override_alerts(pharmacy.doctor, command(), active.id, because(active))
    assert ([one.allergy_alert for one in on.lines], on.version) == ([False, False], active.version + 1)
    await service.hand_over(pharmacy.pharmacist, command(), ready.id, When())
    # another substance is another matter; the same one, said again, is not
    await allergic(pharmacy, active.patient_id, PENICILLINS)
    await service.prepare(pharmacy.pharmacist, command(), active.id, dispense(active))
    other = await allergic(pharmacy, active.patient_id, CAPSULES)
    await refused(Code.CONFLICT, service.prepare(pharmacy.pharmacist, command(), active.id, dispense(active)))
    retraction = AllergyError(reason="another patient's")
    await pharmacy.services.patients.retract_allergy(SYSTEM, command(), active.patient_id, other, retraction)
    await service.prepare(pharmacy.pharmacist, command(), active.id, dispense(active))


async def test_a_wards_nurses_are_told_and_take_nothing(pharmacy: Pharmacy, query: Query) -> None:
    service = pharmacy.services.pharmacy
    await stocked(pharmacy, "ICU-CUP")
    (bed,) = await query("SELECT id FROM beds_bed WHERE ward_code = 'ICU' LIMIT 1")
    here = await pharmacy.inpatient(bed.id)
    active = await pharmacy.active(patient_id=here.patient_id, admission_id=here.id, by=pharmacy.doctor)
    await allergic(pharmacy, here.patient_id, CAPSULES)
    assert len(await told(query, pharmacy.nurse.id)) == 1
    some = {"line_id": str(active.lines[0].id), "quantity": "1"}
    take = CupboardIn.model_validate({"prescription_id": str(active.id), "lines": [some]})
    await refused(Code.CONFLICT, service.take_from_cupboard(pharmacy.nurse, command(), "ICU-CUP", take))
    await service.override_alerts(pharmacy.doctor, command(), active.id, because(active))
    await service.take_from_cupboard(pharmacy.nurse, command(), "ICU-CUP", take)


async def test_a_merge_brings_the_allergies_of_both_and_its_undo_takes_them_away(
    pharmacy: Pharmacy,
) -> None:
    services = pharmacy.services
    active, other = await pharmacy.active(), await pharmacy.patient()
    await allergic(pharmacy, other, PENICILLINS)
    merge = MergeIn(from_id=active.patient_id, reason="one person")
    merged = await services.patients.merge(SYSTEM, command(), other, merge)
    after = await services.pharmacy.prescription(SYSTEM, command(), active.id)
    assert after.lines[0].allergy_alert
    await services.patients.undo_merge(SYSTEM, command(), merged.id, UndoMerge(reason="two people"))
    apart = await services.pharmacy.prescription(SYSTEM, command(), active.id)
    assert not apart.lines[0].allergy_alert


async def test_the_database_dispenses_nothing_past_an_alert_whoever_writes(
    pharmacy: Pharmacy, query: Query
) -> None:
    service = pharmacy.services.pharmacy
    await stocked(pharmacy)
    active = await pharmacy.active()
    ready = await service.prepare(SYSTEM, command(), active.id, dispense(active))
    await query("UPDATE pharmacy_line SET allergy_alert = true WHERE id = :id", id=active.lines[0].id)
    with pytest.raises(DBAPIError, match="an allergy became known"):
        await query(
            "UPDATE pharmacy_dispense SET state = 'handed_over', version = version + 1,"
            " handed_over_at = clock_timestamp(), handed_over_by = prepared_by WHERE id = :id",
            id=ready.id,
        )
    with pytest.raises(DBAPIError, match="an allergy became known"):
        await query(
            "INSERT INTO pharmacy_dispense_item (id, dispense_id, line_id, lot_id, medicine, quantity)"
            " SELECT gen_random_uuid(), dispense_id, line_id, lot_id, medicine, 1"
            " FROM pharmacy_dispense_item WHERE dispense_id = :id",
            id=ready.id,
        )


async def test_an_allergy_told_while_it_is_handed_over_comes_before_or_after(pharmacy: Pharmacy) -> None:
    service = pharmacy.services.pharmacy
    await stocked(pharmacy)
    for _ in range(8):
        active = await pharmacy.active()
        ready = await service.prepare(SYSTEM, command(), active.id, dispense(active))
        _, handed = await asyncio.gather(
            allergic(pharmacy, active.patient_id, PENICILLINS),
            service.hand_over(SYSTEM, command(), ready.id, When()),
            return_exceptions=True,
        )
        after = await service.prescription(SYSTEM, command(), active.id)
        assert after.lines[0].allergy_alert
        assert (after.lines[0].dispensed == 0) is isinstance(handed, Exception)
