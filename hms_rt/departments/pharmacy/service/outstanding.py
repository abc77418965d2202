"""What the pharmacy still has to do for a patient who is about to leave."""

import uuid
from collections.abc import Sequence

from hms_rt.departments.pharmacy.repository import prescriptions
from hms_rt.departments.pharmacy.repository.prescriptions import Shown
from hms_rt.departments.pharmacy.service.foundation import Foundation
from hms_rt.kernel.outstanding import Outstanding, OutstandingKind
from hms_rt.storage.unit_of_work import UnitOfWork

_FIRST_FEW = 5


class Checklist(Foundation):
    """The pharmacy's part of the discharge checklist."""

    @staticmethod
    async def outstanding(
        uow: UnitOfWork, patient_id: uuid.UUID, admission_id: uuid.UUID
    ) -> list[Outstanding]:
        """Prescriptions of the admission to stop, and medication to hand over; the caller is audited."""
        held = await prescriptions.open_of_admission(uow.connection, patient_id, admission_id, uow.now)
        along = [shown for shown in held if shown[0].take_home]
        given = [shown for shown in held if not shown[0].take_home]
        kinds = (
            (OutstandingKind.ACTIVE_PRESCRIPTIONS, given),
            (OutstandingKind.MEDICATION_TO_HAND_OVER, along),
        )
        return [Outstanding("pharmacy", kind, len(some), _what(some)) for kind, some in kinds if some]


def _what(shown: Sequence[Shown]) -> tuple[str, ...]:
    named = [f"{line.name}, {one.state.value}" for one, lines in shown for line in lines]
    return tuple(named[:_FIRST_FEW])
