"""The state of the pharmacy's rooms, and who may look into them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.pharmacy import views
from hms_rt.departments.pharmacy.model.store import StoreKind
from hms_rt.departments.pharmacy.repository import dispenses, formulary, prescriptions, shelves, stock
from hms_rt.departments.pharmacy.service.foundation import Foundation
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, Scope, require, require_ward

State = dict[str, Mapping[str, Any]]


class Rooms(Foundation):
    """Snapshots; their values equal those of the changes that lead there."""

    @staticmethod
    def dispensary_audience(principal: Principal, _: str) -> Audience:
        """The pharmacy's staff; raises ``forbidden`` for everybody else but a screen bound to the room."""
        require(principal, Permission.DISPENSARY_READ)
        return Audience.STAFF

    @staticmethod
    async def dispensary_state(connection: AsyncConnection, code: str) -> State | None:
        """The state of stream ``pharmacy/dispensary:<code>``; None if there is no such dispensary."""
        store = await formulary.store(connection, code)
        if store is None or store.kind is not StoreKind.DISPENSARY:
            return None
        queue = await prescriptions.queue(connection, code)
        ready = await dispenses.ready(connection, [one.id for one, _ in queue])
        return {
            views.prescription_key(one.id): views.prescription_value(one, lines, ready=one.id in ready)
            for one, lines in queue
        }

    def stock_audience(self, principal: Principal, code: str) -> Audience:
        """The pharmacy and the administration; nurses of a cupboard's ward. Raises ``forbidden``.

        Of a store that :meth:`learn_store` does not know, no ward is known, and so no nurse let in.
        """
        if require(principal, Permission.SHELF_READ) is Scope.OWN:
            require_ward(principal, Permission.SHELF_READ, self._cupboards.get(code, ""))
        return Audience.STAFF

    async def learn_store(self, code: str) -> None:
        """Note whose cupboard a store is; it stays that for as long as there is the store."""
        async with self._units.reading() as connection:
            store = await formulary.store(connection, code)
        if store is not None and store.ward is not None:
            self._cupboards[code] = store.ward

    @staticmethod
    async def stock_state(connection: AsyncConnection, code: str) -> State | None:
        """The state of stream ``pharmacy/stock:<code>``; None if there is no such store."""
        if await formulary.store(connection, code) is None:
            return None
        held = await stock.held(connection, store=code)
        kept = await shelves.of_store(connection, code)
        return {
            **{views.lot_key(one.lot.id): views.stock_value(one) for one in held},
            **{views.shelf_key(one.medicine): views.shelf_value(one) for one in kept},
        }
