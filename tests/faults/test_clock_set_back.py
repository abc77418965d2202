"""A clock that is set back, or is behind that of PostgreSQL, refuses nobody."""

import dataclasses
from datetime import timedelta

import pytest

from hms_rt.app import Hospital
from hms_rt.departments.ipd.model import Disposition
from hms_rt.departments.ipd.schemas import (
    AdmissionIn,
    BedChoice,
    DepartureIn,
    DischargeOrderIn,
    Timed,
    TransferIn,
)
from hms_rt.departments.opd.model.token import TokenState
from hms_rt.departments.opd.schemas.queue import CallIn, ClinicIn, CounterIn, Late, TokenIn
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from hms_rt.storage import mongo
from tests.conftest import WardFactory, command

HOUR = timedelta(hours=1)


async def test_a_token_goes_on_after_the_clock_was_set_back(services: Services, clock: ManualClock) -> None:
    opd = services.opd
    await opd.define_clinic(SYSTEM, command(), ClinicIn(code="GEN", name="General"))
    await opd.define_counter(SYSTEM, command(), "GEN", CounterIn(code="G1", name="One"))
    token = await opd.issue(SYSTEM, command(), "GEN", TokenIn())
    called = await opd.call(SYSTEM, command(), token.id, CallIn(counter="G1"))
    clock.advance(-HOUR)
    served = await opd.serve(SYSTEM, command(), token.id, Late())
    assert (served.state, served.serving_at) == (TokenState.SERVING, called.called_at)
    clock.advance(-HOUR)
    assert (await opd.done(SYSTEM, command(), token.id, Late())).state is TokenState.DONE


async def test_an_inpatient_goes_on_after_the_clock_was_set_back(
    services: Services, clock: ManualClock, ward: WardFactory
) -> None:
    one, other = await ward("ICU", beds=2)
    ipd = services.ipd
    patient = await services.patients.register(SYSTEM, command(), PatientNew(family_name="Curie"))
    wanted = AdmissionIn(patient_id=patient.id, ward="ICU", reason="sepsis")
    admission = await ipd.request(SYSTEM, command(), wanted)
    await ipd.accept(SYSTEM, command(), admission.id, Timed())
    await ipd.assign(SYSTEM, command(), admission.id, BedChoice(bed_id=one.id))
    came = clock.now()
    clock.advance(-HOUR)
    await ipd.transfer(SYSTEM, command(), admission.id, TransferIn(bed_id=other.id))
    await ipd.order_discharge(SYSTEM, command(), admission.id, DischargeOrderIn())
    gone = await ipd.depart(SYSTEM, command(), admission.id, DepartureIn(disposition=Disposition.HOME))
    assert [(stay.started_at, stay.ended_at) for stay in gone.stays] == [(came, came), (came, came)]


@pytest.mark.parametrize("ahead", [HOUR, -2 * HOUR])
async def test_a_document_is_as_old_as_it_is_whatever_the_server_thinks_the_time_is(
    hospital: Hospital, clock: ManualClock, ahead: timedelta
) -> None:
    clock.advance(ahead)
    ref = await hospital.documents.write("papers", {"text": "words"})
    async with hospital.engine.begin() as connection:
        await mongo.refer(connection, ref)


async def test_a_document_that_was_written_over_an_hour_ago_is_not_referred_to(hospital: Hospital) -> None:
    ref = await hospital.documents.write("papers", {"text": "words"})
    old = dataclasses.replace(ref, written_tick=ref.written_tick - 3700)

    async def refer() -> None:
        async with hospital.engine.begin() as connection:
            await mongo.refer(connection, old)

    with pytest.raises(Exception, match="over an hour ago"):
        await refer()
