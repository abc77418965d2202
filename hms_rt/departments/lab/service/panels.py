"""Panels: administrators define what is ordered together."""

from dataclasses import replace

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.lab.model.catalogue import invalid
from hms_rt.departments.lab.model.panel import Panel
from hms_rt.departments.lab.repository import catalogue, panels
from hms_rt.departments.lab.schemas.catalogue import CatalogueCursor, PanelChange, PanelIn, PanelOut
from hms_rt.departments.lab.service.foundation import Foundation, found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.paging import Page, PageQuery, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork


class Panels(Foundation):
    """Several tests under one name. Every version is kept; an order keeps the one that it was made of."""

    async def define_panel(self, principal: Principal, command: Command, new: PanelIn) -> PanelOut:
        """Define a panel. Raises ``conflict`` if the code is taken, ``invalid`` for unknown tests."""

        async def work(uow: UnitOfWork) -> PanelOut:
            require(principal, Permission.LAB_CATALOGUE_DEFINE)
            panel = Panel(new.code, new.name, tuple(new.tests), new.active)
            await self._check_tests(uow, panel)
            try:
                await panels.add(uow.connection, panel)
            except IntegrityError as error:
                if violated(error) == "lab_panel_pkey":
                    raise conflict(f"panel {new.code} exists already") from None
                raise
            uow.audit("lab.panel_define", entity="lab_panel", entity_id=panel.code)
            return _out(panel)

        return await self._units.execute(principal, command, PanelOut, work)

    async def change_panel(
        self, principal: Principal, command: Command, code: str, change: PanelChange
    ) -> PanelOut:
        """Change a panel; raises ``not_found``, ``stale_version``, ``invalid`` for unknown tests."""

        async def work(uow: UnitOfWork) -> PanelOut:
            require(principal, Permission.LAB_CATALOGUE_DEFINE)
            before = found(await panels.lock(uow.connection, code), f"panel {code}")
            command.check_version(before.version)
            asked = {name: value for name, value in change.model_dump().items() if value is not None}
            if "tests" in asked:
                asked["tests"] = tuple(asked["tests"])
            after = replace(before, **asked, version=before.version + 1)
            await self._check_tests(uow, after)
            await panels.save(uow.connection, after)
            uow.audit(
                "lab.panel_change", entity="lab_panel", entity_id=code, detail={"version": after.version}
            )
            return _out(after)

        return await self._units.execute(principal, command, PanelOut, work)

    async def panels(self, principal: Principal, query: PageQuery) -> Page[PanelOut]:
        """The panels, by code."""
        require(principal, Permission.LAB_CATALOGUE_READ)
        after = decode_cursor(query.cursor, CatalogueCursor).code if query.cursor else None
        async with self._units.reading() as connection:
            listed = await panels.page(connection, after, query.limit + 1)
        shown, cursor = cut(listed, query.limit, lambda panel: CatalogueCursor(code=panel.code))
        return Page[PanelOut](items=[_out(panel) for panel in shown], next_cursor=cursor)

    async def panel(self, principal: Principal, code: str) -> PanelOut:
        """One panel; raises ``not_found``."""
        require(principal, Permission.LAB_CATALOGUE_READ)
        async with self._units.reading() as connection:
            return _out(found((await panels.by_codes(connection, [code])).get(code), f"panel {code}"))

    @staticmethod
    async def _check_tests(uow: UnitOfWork, panel: Panel) -> None:
        known = await catalogue.by_codes(uow.connection, panel.tests)
        unknown = [code for code in panel.tests if code not in known]
        if unknown:
            raise invalid("tests", f"the catalogue has no {', '.join(unknown)}")


def _out(panel: Panel) -> PanelOut:
    return PanelOut(
        code=panel.code,
        name=panel.name,
        tests=list(panel.tests),
        active=panel.active,
        version=panel.version,
    )
