"""The state of the laboratory's rooms, and who may look into them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import views
from hms_rt.departments.lab.repository import alerts, labtests, worklists
from hms_rt.departments.lab.repository.alerts import ShownAlert
from hms_rt.departments.lab.service.foundation import Foundation
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.principal import Principal, Role
from hms_rt.security.permissions import Permission, require, require_clinic, require_ward

State = dict[str, Mapping[str, Any]]


class Rooms(Foundation):
    """Snapshots; their values equal those of the changes that lead there."""

    @staticmethod
    def worklist_audience(principal: Principal, _: str) -> Audience:
        """The laboratory's staff; raises ``forbidden`` for everybody else."""
        require(principal, Permission.LAB_WORKLIST_READ)
        return Audience.STAFF

    @staticmethod
    def alerts_audience(principal: Principal, _: str) -> Audience:
        """The laboratory's staff; raises ``forbidden`` for everybody else."""
        require(principal, Permission.LAB_WORKLIST_READ)
        return Audience.STAFF

    @staticmethod
    def ward_audience(principal: Principal, ward: str) -> Audience:
        """Those who treat the ward's patients, and the laboratory; raises ``forbidden``."""
        require_ward(principal, Permission.RESULT_READ, ward)
        return _at_the_place(principal)

    @staticmethod
    def clinic_audience(principal: Principal, clinic: str) -> Audience:
        """Those who treat the clinic's patients, and the laboratory; raises ``forbidden``."""
        require_clinic(principal, Permission.RESULT_READ, clinic)
        return _at_the_place(principal)

    @staticmethod
    async def worklist_state(connection: AsyncConnection, _: str) -> State:
        """The state of stream ``lab/worklist``."""
        shown = await worklists.page(connection, worklists.Wanted())
        return {views.key(t.id): views.value(o, t) for o, t in shown}

    @staticmethod
    async def alerts_state(connection: AsyncConnection, _: str) -> State:
        """The state of stream ``lab/alerts``."""
        return _alerts(await alerts.unanswered(connection))

    @staticmethod
    async def ward_state(connection: AsyncConnection, code: str) -> State:
        """The state of stream ``lab/ward:<code>``; a ward without tests and alerts is empty."""
        return await _place(connection, f"ward:{code}")

    @staticmethod
    async def clinic_state(connection: AsyncConnection, code: str) -> State:
        """The state of stream ``lab/clinic:<code>``; a clinic without tests and alerts is empty."""
        return await _place(connection, f"clinic:{code}")


def _at_the_place(principal: Principal) -> Audience:
    return Audience.CLINICAL if principal.has(Role.DOCTOR, Role.NURSE) else Audience.STAFF


async def _place(connection: AsyncConnection, place: str) -> State:
    tests = {views.key(t.id): views.value(o, t) for o, t in await labtests.on_board(connection, place)}
    return {**tests, **_alerts(await alerts.unanswered(connection, place))}


def _alerts(shown: list[ShownAlert]) -> State:
    return {views.alert_key(a.id): views.alert_value(o, t, a) for a, o, t in shown}
