"""A merge of patients reaches the notifications about them, and the rooms that show these."""

from collections.abc import Sequence

from hms_rt.departments.notifications import views
from hms_rt.departments.notifications.repository import notifications as repository
from hms_rt.departments.notifications.tables import batch, notifications_notification
from hms_rt.departments.patients.events import PatientsMerged, PatientsUnmerged
from hms_rt.departments.patients.service import Repointed, repoint
from hms_rt.kernel.changes import Cause, Change, Event, Op
from hms_rt.storage.unit_of_work import Projector, UnitOfWork

TABLES = (Repointed(notifications_notification), Repointed(batch))


async def patients_merged(uow: UnitOfWork, event: PatientsMerged | PatientsUnmerged) -> None:
    """Notifications point to the survivor, or back; their titles name nobody."""
    if not await repoint(uow, event, TABLES):
        return
    owner = event.into if isinstance(event, PatientsMerged) else event.restored
    for one in await repository.in_rooms_of_patient(uow.connection, owner.id):
        stream = views.user_stream(one.user_id)
        uow.change(Change(stream, Op.PUT, str(one.id), Cause.MERGED, views.value(one)))


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    PatientsMerged: (patients_merged,),
    PatientsUnmerged: (patients_merged,),
}
