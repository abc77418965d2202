"""Who treats whom: answered by the departments where patients lie and wait, asked by this one."""

import uuid
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.kernel.principal import Principal


class CareRelation(Protocol):
    """Whether a patient is in a ward or clinic that a principal is assigned to."""

    async def treats(
        self, connection: AsyncConnection, principal: Principal, patient_id: uuid.UUID
    ) -> bool: ...
