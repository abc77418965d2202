"""Unattended screens: set up, enrolled by a single-use link, revoked."""

import uuid
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.identity.events import RightsChanged
from hms_rt.departments.identity.model import LINK_LIFETIME, Device, screen_path, spent_link
from hms_rt.departments.identity.repository import devices
from hms_rt.departments.identity.schemas import DeviceCursor, DeviceLink, DeviceNew, DeviceOut
from hms_rt.departments.identity.service.foundation import Foundation, SignedIn
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.paging import Page, PageQuery, cut, decode_cursor
from hms_rt.kernel.principal import SYSTEM, Principal, PrincipalKind
from hms_rt.security.permissions import Permission, require
from hms_rt.security.tokens import digest
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

ENROL_PATH = "/enrol/"


def device_principal(device: Device, session_id: uuid.UUID) -> Principal:
    """``device`` as who acts in an enrolment."""
    return Principal(
        kind=PrincipalKind.DEVICE,
        id=device.id,
        session_id=session_id,
        name=device.name,
        rights_version=device.rights_version,
        rooms=frozenset(device.rooms),
    )


def _out(device: Device) -> DeviceOut:
    return DeviceOut(
        id=device.id,
        name=device.name,
        rooms=list(device.rooms),
        enrolled=device.session_id is not None and device.revoked_at is None,
        enrolled_at=device.enrolled_at,
        link_expires_at=device.link_expires_at,
        revoked_at=device.revoked_at,
        version=device.version,
        created_at=device.created_at,
    )


class Screens(Foundation):
    """Devices, as administrators see them and as they see themselves."""

    async def create_device(self, principal: Principal, command: Command, new: DeviceNew) -> DeviceLink:
        """Set up a screen bound to ``rooms``; answers its single-use link, valid for a day.

        Raises ``conflict`` when a screen of that name is in use. The link is derived, not stored: a
        repeated command answers the same one.
        """

        async def work(uow: UnitOfWork) -> DeviceOut:
            require(principal, Permission.DEVICES)
            device = Device(
                id=uow.ids.new(),
                name=new.name,
                rooms=tuple(new.rooms),
                link_digest=None,
                link_expires_at=None,
                session_id=None,
                enrolled_at=None,
                revoked_at=None,
                rights_version=1,
                version=1,
                created_at=uow.now,
            )
            device = self._with_link(uow, device)
            try:
                await devices.add(uow.connection, device)
            except IntegrityError as error:
                if violated(error) == "identity_device_name_key":
                    raise conflict("a screen of that name is in use") from None
                raise
            uow.audit(
                "identity.device_create",
                entity="device",
                entity_id=device.id,
                detail={"name": device.name, "rooms": list(device.rooms)},
            )
            return _out(device)

        return self._link(await self._units.execute(principal, command, DeviceOut, work))

    async def relink_device(self, principal: Principal, command: Command, device_id: uuid.UUID) -> DeviceLink:
        """A fresh link for a screen that was replaced or lost its cookie.

        The old enrolment works until the link is opened. Raises ``not_found``, ``conflict`` if revoked.
        """

        def change(uow: UnitOfWork, device: Device) -> Device:
            device.check_not_revoked()
            uow.audit("identity.device_relink", entity="device", entity_id=device.id)
            return self._with_link(uow, replace(device, version=device.version + 1))

        return self._link(await self._change_device(principal, command, device_id, change))

    async def revoke_device(self, principal: Principal, command: Command, device_id: uuid.UUID) -> DeviceOut:
        """Shut a screen out, for good and at once; records ``RightsChanged``. Raises ``not_found``."""

        def change(uow: UnitOfWork, device: Device) -> Device:
            if device.revoked_at is not None:
                return device
            uow.audit("identity.device_revoke", entity="device", entity_id=device.id)
            uow.record(RightsChanged(PrincipalKind.DEVICE, device.id))
            return replace(
                device,
                revoked_at=uow.now,
                link_digest=None,
                link_expires_at=None,
                rights_version=device.rights_version + 1,
                version=device.version + 1,
            )

        return await self._change_device(principal, command, device_id, change)

    async def enrol_device(self, command: Command, token: str) -> SignedIn:
        """Turn the browser that opened the link into the screen; the link is spent, an older enrolment ends.

        Records ``RightsChanged`` for the older enrolment. Raises ``unauthenticated`` for a link that was
        used, has expired or never was.
        """
        enrolled: list[Device] = []

        async def work(uow: UnitOfWork) -> None:
            device = await devices.lock_by_link(uow.connection, digest(token))
            if device is None:
                raise spent_link()
            device.check_enrollable(uow.now)
            if device.session_id is not None:
                uow.record(RightsChanged(PrincipalKind.DEVICE, device.id, device.session_id))
            device = replace(
                device,
                session_id=uow.ids.new(),
                enrolled_at=uow.now,
                link_digest=None,
                link_expires_at=None,
                version=device.version + 1,
            )
            await devices.save(uow.connection, device)
            uow.audit("identity.device_enrol", entity="device", entity_id=device.id)
            enrolled[:] = [device]

        await self._units.execute(SYSTEM, replace(command, key=None), type(None), work)
        device = enrolled[0]
        if device.session_id is None:
            raise spent_link()
        principal = device_principal(device, device.session_id)
        return replace(self.renewed(principal), screen=screen_path(device.rooms))

    def renewed(self, principal: Principal) -> SignedIn:
        """A fresh access token for an authenticated screen, so that a running one never expires."""
        kind = PrincipalKind.DEVICE
        return SignedIn(
            principal=principal,
            access_token=self._tokens.issue(
                kind, principal.id, principal.session_id, principal.rights_version
            ),
            access_lifetime=self._tokens.lifetime(kind),
        )

    async def get_device(self, principal: Principal, device_id: uuid.UUID) -> DeviceOut:
        """One screen; raises ``not_found``."""
        require(principal, Permission.DEVICES)
        async with self._units.reading() as connection:
            device = await devices.by_id(connection, device_id)
        if device is None:
            raise not_found("the screen")
        return _out(device)

    async def list_devices(self, principal: Principal, query: PageQuery) -> Page[DeviceOut]:
        """Screens, oldest first, revoked ones included."""
        require(principal, Permission.DEVICES)
        after = decode_cursor(query.cursor, DeviceCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            found = await devices.page(connection, after=after, limit=query.limit + 1)
        shown, cursor = cut(found, query.limit, lambda device: DeviceCursor(id=device.id))
        return Page[DeviceOut](items=[_out(device) for device in shown], next_cursor=cursor)

    async def _change_device(
        self,
        principal: Principal,
        command: Command,
        device_id: uuid.UUID,
        change: Callable[[UnitOfWork, Device], Device],
    ) -> DeviceOut:
        async def work(uow: UnitOfWork) -> DeviceOut:
            require(principal, Permission.DEVICES)
            device = await devices.lock(uow.connection, device_id)
            if device is None:
                raise not_found("the screen")
            command.check_version(device.version)
            changed = change(uow, device)
            if changed != device:
                await devices.save(uow.connection, changed)
            return _out(changed)

        return await self._units.execute(principal, command, DeviceOut, work)

    def _token(self, device_id: uuid.UUID, version: int) -> str:
        return self._links.of(f"{device_id} {version}")

    def _with_link(self, uow: UnitOfWork, device: Device) -> Device:
        return replace(
            device,
            link_digest=digest(self._token(device.id, device.version)),
            link_expires_at=uow.now + LINK_LIFETIME,
        )

    def _link(self, device: DeviceOut) -> DeviceLink:
        return DeviceLink(device=device, path=ENROL_PATH + self._token(device.id, device.version))
