"""Panels expand into tests; labels say in Code 128 whose specimen it is; specimens replace rejected ones."""

import re
import uuid
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import DBAPIError

from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.model.order import Priority
from hms_rt.departments.lab.model.specimen import SpecimenState
from hms_rt.departments.lab.schemas.catalogue import CatalogueChange, PanelChange, PanelIn
from hms_rt.departments.lab.schemas.ordering import (
    LabOrderIn,
    LabOrderOut,
    Rejection,
    SpecimenIn,
    SpecimenQuery,
    WorklistQuery,
)
from hms_rt.departments.lab.views.labels import NARROW_BAR, QUIET_ZONE, Label, pdf
from hms_rt.kernel.errors import Code
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.principal import SYSTEM, Role
from tests.conftest import ClientFactory, command
from tests.lab.barcodes import pages, scanned
from tests.lab.conftest import NOW, Lab, Query, refused

S = LabState
BLOOD = SpecimenIn(kind=SpecimenKind.BLOOD)


def label(barcode: str = "LAB000000042", name: str = "Curie, Marie") -> Label:
    taken = datetime(2026, 3, 1, 8, 5, tzinfo=UTC)
    return Label(
        barcode, SpecimenKind.BLOOD, name, "MRN-00000018", date(1867, 11, 7), ["LAC"], Priority.STAT, taken
    )


@pytest.mark.parametrize(
    "barcode", ["LAB000000042", "LAB999999999", "TUBE-1", "A-9B77-012345678-ZZ-0001-0000XYZ"]
)
def test_the_bars_of_a_label_decode_to_its_barcode_with_quiet_zones(barcode: str) -> None:
    document = pdf([label(barcode)], language="de", zone=ZoneInfo("Europe/Vienna"))
    (bars,) = pages(document)
    assert scanned(bars, NARROW_BAR) == barcode
    (width,) = {float(one) for one in re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+)", document)}
    assert bars[0][0] >= QUIET_ZONE - 0.01
    assert sum(bars[-1]) <= width - QUIET_ZONE + 0.01
    assert document == pdf([label(barcode)], language="de", zone=ZoneInfo("Europe/Vienna"))


def test_labels_draw_any_name_in_any_direction() -> None:
    for name in ("Łukasiewicz, Zażółć", "Ωμέγα", "王芳", "A" * 300, "عمر"):
        for language in ("xx", "ar"):
            assert pages(pdf([label(name=name)] * 2, language=language, zone=ZoneInfo("UTC")))


async def panel_of(lab: Lab, *tests: str, code: str = "SEPSIS") -> None:
    new = PanelIn(code=code, name="Sepsis panel", tests=list(tests))
    await lab.services.lab.define_panel(SYSTEM, command(), new)


async def ordered(lab: Lab, *panels: str, tests: tuple[str, ...] = ()) -> LabOrderOut:
    wanted = LabOrderIn(patient_id=await lab.patient(), tests=list(tests), panels=list(panels), ward="ICU")
    return await lab.services.lab.order(lab.doctor, command(), wanted)


async def test_a_panel_expands_into_its_tests_and_an_order_keeps_its_version(lab: Lab, query: Query) -> None:
    service = lab.services.lab
    await panel_of(lab, "LAC", "CULT")
    order = await ordered(lab, "SEPSIS", tests=("CRP", "LAC"))
    assert [(test.test, test.panel) for test in order.tests] == [
        ("CRP", None),
        ("LAC", None),
        ("CULT", "SEPSIS"),
    ]
    change = PanelChange(tests=["CRP", "LAC"])
    changed = await service.change_panel(SYSTEM, command(expected_version=1), "SEPSIS", change)
    assert changed.version == 2
    await refused(
        Code.STALE_VERSION, service.change_panel(SYSTEM, command(expected_version=1), "SEPSIS", change)
    )
    await ordered(lab, "SEPSIS")
    kept = await query("SELECT version FROM lab_order_panel ORDER BY order_id")
    assert [row.version for row in kept] == [1, 2]
    assert {row.definition for row in await query("SELECT definition FROM lab_test")} == {1}
    assert [one.code for one in (await service.panels(lab.doctor, PageQuery())).items] == ["SEPSIS"]
    await refused(Code.INVALID, service.change_panel(SYSTEM, command(), "SEPSIS", PanelChange(tests=["NO"])))
    await refused(Code.CONFLICT, panel_of(lab, "LAC"))
    await refused(Code.FORBIDDEN, service.change_panel(lab.anne, command(), "SEPSIS", change))
    await service.change_test(SYSTEM, command(), "CRP", CatalogueChange(active=False))
    await refused(Code.INVALID, ordered(lab, "SEPSIS"))
    await service.change_panel(SYSTEM, command(), "SEPSIS", PanelChange(active=False))
    await refused(Code.INVALID, ordered(lab, "SEPSIS"))
    for statement, rule in (
        ("UPDATE lab_panel SET tests = ARRAY['LAC', 'NOPE']", "unknown tests"),
        ("UPDATE lab_panel SET tests = ARRAY['LAC', 'LAC']", "unknown tests"),
        ("DELETE FROM lab_panel_version", "append-only"),
        ("DELETE FROM lab_catalogue", "append-only"),
    ):
        with pytest.raises(DBAPIError, match=rule):
            await query(statement)


async def test_a_recollection_is_a_new_specimen_that_names_the_rejected_one(lab: Lab, query: Query) -> None:
    service = lab.services.lab
    order = await lab.order("LAC", "CRP", "CULT")
    first = await service.collect(lab.nurse, command(), order.id, BLOOD)
    await service.reject(lab.anne, command(), first.id, Rejection(reason="clotted"))
    waiting = await service.worklist(lab.anne, command(), WorklistQuery(recollect=True))
    assert [(one.test, one.state) for one in waiting.items] == [("LAC", S.ORDERED), ("CRP", S.ORDERED)]
    second = await service.collect(lab.nurse, command(), order.id, BLOOD)
    assert (second.replaces, second.state) == (first.id, SpecimenState.COLLECTED)
    await service.receive(lab.anne, command(), second.id, NOW)
    listed = await service.list_specimens(lab.nurse, command(), SpecimenQuery(order_id=order.id))
    assert [(one.id, len(one.tests)) for one in listed.items] == [(first.id, 0), (second.id, 2)]
    (found,) = (
        await service.list_specimens(lab.anne, command(), SpecimenQuery(barcode=second.barcode))
    ).items
    assert found == listed.items[1]
    unknown = SpecimenQuery(barcode="NO-SUCH")
    await refused(Code.NOT_FOUND, service.list_specimens(lab.anne, command(), unknown))
    insert = (
        "INSERT INTO lab_specimen (id, order_id, kind, state, collected_by, collected_at, replaces, version)"
        " VALUES (:id, :order, :kind, :state, :id, now(), :replaces, 1)"
    )
    for kind, state, replaces, rule in (
        ("blood", "collected", second.id, "only a rejected"),
        ("urine", "collected", first.id, "lab_specimen_replaces_fkey"),
        ("blood", "received", None, "begins as collected"),
    ):
        with pytest.raises(DBAPIError, match=rule):
            await query(insert, id=uuid.uuid4(), order=order.id, kind=kind, state=state, replaces=replaces)
    for state in ("collected", "processed", "received"):
        with pytest.raises(DBAPIError, match="does not follow"):
            await query("UPDATE lab_specimen SET state = :s WHERE state = 'rejected'", s=state)


async def test_labels_of_an_order_are_printed_by_those_who_collect(
    lab: Lab, client_as: ClientFactory, query: Query
) -> None:
    service = lab.services.lab
    order = await lab.order("LAC", "CULT")
    await refused(Code.CONFLICT, service.order_labels(lab.nurse, command(), order.id, 1))
    taken = [
        await service.collect(lab.nurse, command(), order.id, SpecimenIn(kind=kind))
        for kind in (SpecimenKind.BLOOD, SpecimenKind.URINE)
    ]
    nurse = await client_as(Role.NURSE, ward="ICU")
    answer = await nurse.get(f"/api/v1/lab/orders/{order.id}/labels?copies=2")
    assert (answer.status, answer.content_type) == (200, "application/pdf")
    assert [scanned(page, NARROW_BAR) for page in pages(await answer.read())] == [
        one.barcode for one in taken for _ in range(2)
    ]
    await service.reject(lab.anne, command(), taken[0].id, Rejection(reason="clotted"))
    left = pages(await service.order_labels(lab.anne, command(), order.id, 1))
    assert [scanned(page, NARROW_BAR) for page in left] == [taken[1].barcode]
    await refused(Code.CONFLICT, service.specimen_label(lab.nurse, command(), taken[0].id, 1))
    assert (await nurse.get(f"/api/v1/lab/orders/{order.id}/labels?copies=11")).status == 422
    stranger = await client_as(Role.NURSE, ward="MED")
    assert (await stranger.get(f"/api/v1/lab/orders/{order.id}/labels")).status == 403
    printed = await query("SELECT 1 FROM audit_log WHERE action = 'lab.labels_print' AND outcome = 'allowed'")
    assert len(printed) == 2
