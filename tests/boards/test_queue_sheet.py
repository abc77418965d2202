"""A clinic's queue on paper: in the order of being called, on one page, names for those who may see them."""

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from reportlab.lib.units import mm

from hms_rt import paper
from hms_rt.departments.boards.reading import QUEUE_COLUMNS, queue_sheet
from hms_rt.departments.opd.model.token import Priority
from hms_rt.departments.opd.schemas.queue import CallIn, ClinicIn, CounterIn, QueueOut, QueueQuery, TokenIn
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.departments.patients.schemas.details import WhyIn
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from hms_rt.services import Services
from tests.boards.test_census import VIENNA, pages
from tests.conftest import ClientFactory, PersonFactory, command

AT = datetime(2026, 3, 2, 23, 5, tzinfo=UTC)


async def clinic_with_a_queue(services: Services, code: str = "GEN") -> list[uuid.UUID]:
    """Curie was called to G1, a number without a patient waits, a restricted patient waits and is urgent."""
    await services.opd.define_clinic(SYSTEM, command(), ClinicIn(code=code, name="General"))
    await services.opd.define_counter(SYSTEM, command(), code, CounterIn(code=f"{code}1", name="Room 1"))
    known: list[uuid.UUID] = []
    for name in ("Curie", "Meitner"):
        new = PatientNew(family_name=name, given_name="Ada")
        known.append((await services.patients.register(SYSTEM, command(), new)).id)
    why = WhyIn(reason="works here")
    await services.patients.restrict(SYSTEM, command(expected_version=1), known[1], why)
    called = await services.opd.issue(SYSTEM, command(), code, TokenIn(patient_id=known[0]))
    await services.opd.call(SYSTEM, command(), called.id, CallIn(counter=f"{code}1"))
    await services.opd.issue(SYSTEM, command(), code, TokenIn())
    urgent = TokenIn(patient_id=known[1], priority=Priority.URGENT)
    await services.opd.issue(SYSTEM, command(), code, urgent)
    return known


async def lines_for(services: Services, who: Principal) -> list[tuple[str, ...]]:
    queue = await services.opd.queue(who, command(), "GEN", QueueQuery())
    sheet = queue_sheet(await services.opd.clinic(who, "GEN"), queue, AT, ZoneInfo("UTC"))
    assert "1 waiting" not in sheet.note
    assert "2 waiting" in sheet.note
    assert "last number 3" in sheet.note
    return [tuple(line.cells) for line in sheet.lines]


async def test_the_order_of_being_called_and_a_restricted_name_for_those_who_treat_alone(
    services: Services, person: PersonFactory
) -> None:
    await clinic_with_a_queue(services)
    treating = await lines_for(services, await person(Role.NURSE, clinic="GEN"))
    receiving = await lines_for(services, await person(Role.RECEPTION))
    assert [line[0] for line in treating] == ["A-001", "A-003", "A-002"]
    assert [line[1] for line in treating] == ["Curie, Ada", "Meitner, Ada", ""]
    assert [line[1] for line in receiving] == ["Curie, Ada", "Restricted", ""]
    assert [line[3] for line in treating] == ["called, GEN1", "! urgent, waiting", "waiting"]


async def test_reception_prints_it_and_who_may_not_read_the_queue_gets_none(
    services: Services, client_as: ClientFactory
) -> None:
    await clinic_with_a_queue(services)
    path = "/api/v1/clinics/GEN/queue.pdf"
    answer = await (await client_as(Role.RECEPTION)).get(path)
    content = await answer.read()
    assert (answer.status, answer.content_type) == (200, "application/pdf")
    assert answer.headers["Cache-Control"] == "no-store"
    assert pages(content) == 1
    assert (await (await client_as(Role.NURSE, clinic="EYE")).get(path)).status == 403
    missing = await (await client_as(Role.ADMIN)).get("/api/v1/clinics/NONE/queue.pdf")
    assert missing.status == 404


async def test_a_long_queue_goes_on_to_a_second_page_only_when_one_is_full(services: Services) -> None:
    await clinic_with_a_queue(services)
    clinic = await services.opd.clinic(SYSTEM, "GEN")
    queue: QueueOut = await services.opd.queue(SYSTEM, command(), "GEN", QueueQuery())
    due = queue.tokens[0].model_copy(update={"due_at": AT - timedelta(hours=16), "queued_at": AT})
    fits = paper.UPRIGHT.lines
    for several, wanted in ((0, 1), (fits, 1), (fits + 1, 2)):
        long = queue.model_copy(update={"tokens": [due] * several})
        sheet = queue_sheet(clinic, long, AT, VIENNA)
        assert sheet.moment == "2026-03-03  00:05"
        assert all(line.cells[4:] == ("08:05", "00:05") for line in sheet.lines)
        assert pages(paper.pdf(sheet)) == wanted
    assert sum(wide for _, wide in QUEUE_COLUMNS) * mm <= paper.UPRIGHT.inner
