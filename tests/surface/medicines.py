"""Requests about medicines: formulary, prescriptions, stock, dispensing, and what wards give."""

from hms_rt.departments.patients.model.allergy import AllergyCategory, Severity
from hms_rt.departments.patients.schemas.allergies import AllergyIn
from hms_rt.departments.pharmacy.schemas.formulary import StoreIn
from hms_rt.departments.pharmacy.schemas.prescriptions import Activation, PrescriptionIn
from hms_rt.departments.pharmacy.schemas.stock import ReceiptIn
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.pharmacy.conftest import FORMULARY
from tests.surface.recipes import REASON, Ask, Recipe, at, new, plain
from tests.surface.things import DISPENSARY, LINE, WARD
from tests.surface.world import World

W = World


async def _change_medicine(world: World) -> Ask:
    (row,) = await world.query("SELECT version FROM pharmacy_medicine WHERE code = 'AMOX500'")
    return Ask({"medicine": "AMOX500"}, body={"brand": world.fresh("Brand ")}, version=row.version)


async def _prescribe(world: World) -> Ask:
    here = await world.admitted()
    body = {"patient_id": str(here.patient_id), "admission_id": str(here.id), "lines": [LINE]}
    return Ask(body=body)


async def _ledger(world: World) -> Ask:
    return Ask(query={"lot_id": str((await world.shelf()).lot_id)})


async def _lot(world: World) -> Ask:
    return Ask({"id": str((await world.shelf()).lot_id)})


async def _change_store(world: World) -> Ask:
    code = world.fresh("ST")
    new = {"code": code, "name": "Dispensary to change", "kind": "dispensary"}
    await world.services.pharmacy.define_store(SYSTEM, command(), StoreIn.model_validate(new))
    return Ask({"code": code}, body={"near_expiry_days": 30}, version=1)


async def _set_level(world: World) -> Ask:
    path = {"code": DISPENSARY, "medicine": "AMOX500"}
    shelf = await world.services.pharmacy.level(SYSTEM, DISPENSARY, "AMOX500")
    return Ask(path, body={"reorder_level": "1"}, version=shelf.version)


async def _take_stock(world: World) -> Ask:
    lines = [{"lot_id": str((await world.shelf()).lot_id), "counted": "97"}]
    return Ask({"code": DISPENSARY}, body={"lines": lines, **REASON})


async def _recall(world: World) -> Ask:
    return Ask((await _lot(world)).path, body=REASON, version=1)


async def _receive(world: World) -> Ask:
    goods = {"medicine": "AMOX500", "lot": world.fresh("L"), "expires_on": "2099-01-31", "quantity": "7"}
    return Ask({"code": DISPENSARY}, body=goods)


async def _transfer_stock(world: World) -> Ask:
    here = await world.shelf()
    stores = {"from_store": DISPENSARY, "to_store": "ICU-CUP"}
    return Ask(body={"lot_id": str(here.lot_id), "quantity": "5", **stores})


async def _count(world: World) -> Ask:
    here = await world.shelf()
    return Ask(body={"lot_id": str(here.lot_id), "store": DISPENSARY, "counted": "98", **REASON})


async def _ask_write_off(world: World) -> Ask:
    here = await world.shelf()
    return Ask(body={"lot_id": str(here.lot_id), "store": DISPENSARY, "quantity": "1", **REASON})


async def _dispense(world: World) -> Ask:
    await world.shelf()
    active = await world.prescription()
    line = {"line_id": str(active.lines[0].id), "quantity": "3"}
    return Ask({"id": str(active.id)}, body={"lines": [line], "store": DISPENSARY})


async def _take(world: World) -> Ask:
    here = await world.admitted()
    wanted = {"patient_id": str(here.patient_id), "admission_id": str(here.id), "lines": [LINE]}
    pharmacy = world.services.pharmacy
    draft = await pharmacy.prescribe(SYSTEM, command(), PrescriptionIn.model_validate(wanted))
    await pharmacy.activate(SYSTEM, command(), draft.id, Activation())
    goods = {"medicine": "AMOX500", "lot": world.fresh("L"), "expires_on": "2099-01-31", "quantity": "9"}
    await pharmacy.receive(SYSTEM, command(), "ICU-CUP", ReceiptIn.model_validate(goods))
    line = {"line_id": str(draft.lines[0].id), "quantity": "1"}
    return Ask({"code": "ICU-CUP"}, body={"prescription_id": str(draft.id), "lines": [line]})


async def _not_dispensed(world: World) -> Ask:
    active = await world.prescription()
    body = {"line_id": str(active.lines[0].id), **REASON}
    return Ask({"id": str(active.id)}, body=body, version=active.version)


async def _override(world: World) -> Ask:
    active = await world.prescription(await world.patient())
    new = AllergyIn(substance="Amoxicillin", category=AllergyCategory.MEDICATION, severity=Severity.SEVERE)
    await world.services.patients.add_allergy(SYSTEM, command(), active.patient_id, new)
    override = {"line_id": str(active.lines[0].id), "kind": "allergy", "reason": "desensitised"}
    return Ask({"id": str(active.id)}, body={"overrides": [override]}, version=active.version)


async def _doses(world: World) -> Ask:
    await world.dose()
    return Ask(query={"ward": WARD})


async def _administrations(world: World) -> Ask:
    return Ask(query={"admission_id": str((await world.admitted()).id)})


async def _as_needed(world: World) -> Ask:
    return Ask({"id": str((await world.as_needed()).lines[0].id)}, body={})


RECIPES: dict[str, Recipe] = {
    # pharmacy
    "POST /pharmacy/formulary": new("M", **FORMULARY[0]),
    "GET /pharmacy/formulary/{medicine}": plain({"medicine": "AMOX500"}),
    "PATCH /pharmacy/formulary/{medicine}": _change_medicine,
    "POST /pharmacy/stores": new("ST", name="New dispensary", kind="dispensary"),
    "GET /pharmacy/stores/{code}": plain({"code": DISPENSARY}),
    "PATCH /pharmacy/stores/{code}": _change_store,
    "GET /pharmacy/stores/{code}/levels/{medicine}": plain({"code": DISPENSARY, "medicine": "AMOX500"}),
    "PUT /pharmacy/stores/{code}/levels/{medicine}": _set_level,
    "POST /prescriptions": _prescribe,
    "GET /prescriptions/{id}": at(W.prescription),
    "GET /prescriptions/{id}/warnings": at(W.draft),
    "GET /prescriptions/{id}/history": at(W.prescription),
    "POST /prescriptions/{id}/activate": at(W.draft, {}),
    "POST /prescriptions/{id}/hold": at(W.prescription, REASON),
    "POST /prescriptions/{id}/resume": at(W.held, {}),
    "POST /prescriptions/{id}/stop": at(W.prescription, REASON),
    "POST /prescriptions/{id}/cancel": at(W.draft, REASON),
    "POST /prescriptions/{id}/overrides": _override,
    "GET /pharmacy/ledger": _ledger,
    "POST /pharmacy/stores/{code}/receive": _receive,
    "POST /pharmacy/transfers": _transfer_stock,
    "POST /pharmacy/counts": _count,
    "POST /pharmacy/stores/{code}/counts": _take_stock,
    "GET /pharmacy/lots/{id}/recipients": _lot,
    "POST /pharmacy/write-offs": _ask_write_off,
    "POST /pharmacy/write-offs/{id}/approve": at(W.write_off),
    "POST /pharmacy/write-offs/{id}/refuse": at(W.write_off),
    "GET /pharmacy/lots/{id}": _lot,
    "POST /pharmacy/lots/{id}/recall": _recall,
    "GET /prescriptions/{id}/dispenses": at(W.prescription),
    "POST /prescriptions/{id}/dispenses": _dispense,
    "POST /prescriptions/{id}/not-dispensed": _not_dispensed,
    "POST /pharmacy/stores/{code}/take": _take,
    "GET /dispenses/{id}/labels": at(W.prepared),
    "POST /dispenses/{id}/hand-over": at(W.prepared, {}),
    "POST /dispenses/{id}/cancel": at(W.prepared, REASON),
    "POST /dispenses/{id}/return": at(W.handed_over, REASON),
    # medication of the wards
    "GET /admissions/{id}/medication": at(W.admitted),
    "GET /doses": _doses,
    "POST /doses/{id}/administer": at(W.dose, {"outcome": "given"}),
    "POST /medications/{id}/administer": _as_needed,
    "GET /administrations": _administrations,
    "POST /administrations/{id}/retract": at(W.administered, REASON),
}
"""Endpoint -> a request that somebody with every role at every place may make with success."""
