"""A death that a departure says, and a departure that was none."""

from hms_rt.departments.ipd.model import Disposition
from hms_rt.departments.ipd.schemas import DepartureIn, ReturnIn
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.surface.world import World


async def test_a_patient_who_departs_as_died_is_dead_until_that_is_corrected(world: World) -> None:
    here = await world.admitted()
    ipd, patients = world.services.ipd, world.services.patients
    gone = await ipd.depart(SYSTEM, command(), here.id, DepartureIn(disposition=Disposition.DIED))
    dead = await patients.get(SYSTEM, command(), here.patient_id)
    assert dead.deceased_at == gone.discharged_at
    bed = await world.services.beds.bed(SYSTEM, command(), gone.stays[-1].bed_id)
    await world.set_bed(bed, "available")
    await ipd.cancel_discharge(SYSTEM, command(), here.id, ReturnIn(reason="the wrong patient"))
    assert (await patients.get(SYSTEM, command(), here.patient_id)).deceased_at is None
    trail = await world.query("SELECT action FROM audit_log WHERE action ~ 'death' ORDER BY id")
    assert [row.action for row in trail] == ["patient.record_death", "patient.revoke_death"]
