"""What a hospital defines while all work with it: formulary, stores, levels, tariffs, limits, senders."""

from dataclasses import replace
from typing import Any

from hms_rt.departments.billing.schemas.accounts import CashierIn
from hms_rt.departments.billing.schemas.discounts import LimitIn
from hms_rt.departments.billing.schemas.packages import PackageIn
from hms_rt.departments.billing.schemas.papers import IssuerIn
from hms_rt.departments.billing.schemas.tariffs import CodeIn, CurrencyIn, ServiceChange, ServiceIn
from hms_rt.departments.pharmacy.schemas.formulary import MedicineChange, MedicineIn, StoreChange, StoreIn
from hms_rt.departments.pharmacy.schemas.levels import LevelIn
from hms_rt.kernel.commands import Command
from tests.money.machine import Commands, one_of, rule
from tests.pharmacy.conftest import FORMULARY

medicines = one_of("AMOX500", "MORPH10", "PARA-SYR")
again = one_of(True, False, False)


class Settings(Commands):
    """Codes are taken once, versions follow each other; what is stocked or charged already stays as it is."""

    def _code(self, *, again: bool) -> str:
        """A new one, or one of this sequence that may be taken."""
        return f"T{self.seed}-{self.at % 7 if again else self.at}"

    def _defined(self, what: str, code: str, told: Any, version: int = 0) -> None:
        if told is not None:
            before = self.books.defined.get((what, code))
            assert (before is None) == (version < 2), f"{what} {code} was {before}, is {version}"
            self.books.defined[what, code] = (version,)

    @rule(1, again=again, what=one_of("payer", "class"))
    async def defines_who_pays(self, what: str, again: bool) -> None:
        new = CodeIn(code=self._code(again=again), name="Somebody")
        define = self.billing.define_payer if what == "payer" else self.billing.define_class
        told = await self.give(lambda c: define(self.admin, c, new))
        self._defined(what, new.code, told)

    @rule(1, again=again)
    async def defines_a_counter(self, again: bool) -> None:
        new = CashierIn(code=self._code(again=again), name="Counter")
        told = await self.give(lambda c: self.billing.define_cashier(self.admin, c, new))
        self._defined("cashier", new.code, told)

    @rule(1, again=again)
    async def defines_a_service_and_a_package(self, again: bool) -> None:
        code = self._code(again=again)
        new = ServiceIn.model_validate({"code": code, "name": "Round", "kind": "package"})
        told = await self.give(lambda c: self.billing.define_service(self.admin, c, new))
        self._defined("service", code, told, 1)
        pack = PackageIn.model_validate({"package": code, "items": [{"service": "DRESS", "quantity": "2"}]})
        included = await self.give(lambda c: self.billing.define_package(self.admin, c, pack))
        self._defined("package", code, included)

    @rule(1, service=one_of("DRESS", "SUTURE"), stale=again)
    async def changes_a_service(self, service: str, stale: bool) -> None:
        change = ServiceChange(name="Dressing, large")
        told = await self._changed("service", service, stale, self.billing.change_service, change)
        self._defined("service", service, told, told.version if told is not None else 0)

    async def _changed(self, what: str, code: str, stale: bool, doing: Any, change: Any) -> Any:
        """With the version that is known, or one before it: then it is refused."""
        version = self.books.defined[what, code][0]
        read = version - 1 if stale else version
        told = await self.give(lambda c: doing(self.admin, _read(c, read), code, change))
        assert told is None or (not stale and told.version == version + 1)
        return told

    @rule(1, percent=one_of("5", "20"))
    async def limits_discounts(self, percent: str) -> None:
        wanted = LimitIn.model_validate({"holder": "pharmacy", "percent": percent})
        told = await self.give(lambda c: self.billing.set_discount_limit(self.admin, c, wanted))
        self._defined("limit", "pharmacy", told, told.version if told is not None else 0)

    @rule(1, language=one_of("de", "en"))
    async def says_who_sends_papers(self, language: str) -> None:
        wanted = IssuerIn(name="Hospital", language=language)
        told = await self.give(lambda c: self.billing.set_issuer(self.admin, c, wanted))
        self._defined("issuer", "MAIN", told, told.version if told is not None else 0)

    @rule(1, code=one_of("JPY", "KWD"))
    async def changes_the_currency(self, code: str) -> None:
        told = await self.give(lambda c: self.billing.set_currency(self.admin, c, CurrencyIn(code=code)))
        assert told is None, "the currency changed under prices and charges"

    # --- the pharmacy's

    @rule(1, again=again)
    async def defines_a_medicine(self, again: bool) -> None:
        new = MedicineIn.model_validate({**FORMULARY[0], "code": self._code(again=again)})
        told = await self.give(lambda c: self.pharmacy.define_medicine(self.admin, c, new))
        self._defined("medicine", new.code, told, 1)

    @rule(1, medicine=medicines, brand=one_of(None, "Old", "New"), stale=again)
    async def changes_a_medicine(self, medicine: str, brand: str | None, stale: bool) -> None:
        change = MedicineChange(brand=brand)
        told = await self._changed("medicine", medicine, stale, self.pharmacy.change_medicine, change)
        self._defined("medicine", medicine, told, told.version if told is not None else 0)

    @rule(1, again=again)
    async def defines_a_store(self, again: bool) -> None:
        said = {"code": self._code(again=again), "name": "Night store", "kind": "dispensary"}
        new = StoreIn.model_validate(said)
        told = await self.give(lambda c: self.pharmacy.define_store(self.admin, c, new))
        self._defined("store", new.code, told, 1)

    @rule(1, store=one_of("MAIN", "ICU-CUP"), days=one_of(None, 20, 200), stale=again)
    async def changes_a_store(self, store: str, days: int | None, stale: bool) -> None:
        change = StoreChange(near_expiry_days=days)
        told = await self._changed("store", store, stale, self.pharmacy.change_store, change)
        self._defined("store", store, told, told.version if told is not None else 0)

    @rule(2, store=one_of("MAIN", "ICU-CUP"), medicine=medicines, level=one_of(None, "3", "25"))
    async def sets_a_level(self, store: str, medicine: str, level: str | None) -> None:
        wanted, place = LevelIn.model_validate({"reorder_level": level}), f"{store}/{medicine}"
        (version,) = self.books.defined.get(("level", place), (0,))
        doing = self.pharmacy.set_level
        told = await self.give(lambda c: doing(self.pharmacist, _read(c, version), store, medicine, wanted))
        self._defined("level", place, told, told.version if told is not None else 0)


def _read(command: Command, version: int) -> Command:
    return replace(command, expected_version=version)
