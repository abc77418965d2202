"""What billing still has to do for a patient who is about to leave."""

import uuid

from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.repository import accounts
from hms_rt.departments.billing.service.foundation import Foundation
from hms_rt.kernel.outstanding import Outstanding, OutstandingKind
from hms_rt.storage.unit_of_work import UnitOfWork

_FIRST_FEW = 5


class Checklist(Foundation):
    """Billing's part of the discharge checklist."""

    async def outstanding(
        self, uow: UnitOfWork, patient_id: uuid.UUID, admission_id: uuid.UUID
    ) -> list[Outstanding]:
        """What of the admission is on no invoice that was issued, and what is to be paid; without amounts.

        The caller is audited.
        """
        connection = uow.connection
        listed = await accounts.unbilled(connection, patient_id, admission_id)
        unbilled = [one for one in listed if one.reduces is None]
        due = await accounts.to_pay(connection, patient_id, admission_id)
        return [
            *_unbilled(unbilled),
            *(
                [
                    Outstanding(
                        "billing",
                        OutstandingKind.UNPAID_INVOICES,
                        len(due),
                        tuple(f"invoice {one.number}" for one in due[:_FIRST_FEW]),
                    )
                ]
                if due
                else []
            ),
        ]


def _unbilled(unbilled: list[Charge]) -> list[Outstanding]:
    if not unbilled:
        return []
    what = tuple(
        f"{one.description}, to be priced" if one.amounts is None else one.description
        for one in unbilled[:_FIRST_FEW]
    )
    return [Outstanding("billing", OutstandingKind.UNBILLED_SERVICES, len(unbilled), what)]
