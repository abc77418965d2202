"""Packages on the wire."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import Field, model_validator

from hms_rt.departments.billing.model.package import PackageState
from hms_rt.departments.billing.schemas.tariffs import ServiceCode
from hms_rt.kernel.quantity import Quantity
from hms_rt.kernel.schema import Moment, Reason, Schema


class PackageItem(Schema):
    """A service that a package includes, and how much of it."""

    service: ServiceCode
    quantity: Quantity


class PackageIn(Schema):
    """What a package includes; it costs what the tariff says of the service with its code."""

    package: ServiceCode
    """A service of kind ``package``."""
    items: Annotated[list[PackageItem], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _each_once(self) -> "PackageIn":
        services = {one.service for one in self.items}
        if len(services) < len(self.items) or self.package in services:
            raise ValueError("a package includes each other service once")
        return self


class PackageOut(PackageIn):
    """What a package includes."""


class Packages(Schema):
    """Every package, by code."""

    items: list[PackageOut]


class PackageUseIn(Schema):
    """Apply a package for a patient: to an admission, or to some days without one."""

    patient_id: uuid.UUID
    package: ServiceCode
    admission_id: uuid.UUID | None = None
    since: date | None = None
    """The first day that it includes; today, if left out. Of an admission it includes all."""
    days: Annotated[int, Field(ge=1, le=366)] = 1
    """For how many days, without an admission."""


class LeftOut(Schema):
    """How much of a service is included, and how much of that is used."""

    service: str
    quantity: Quantity
    used: str
    """Decimal text."""


class PackageUseOut(Schema):
    """A package that was applied."""

    id: uuid.UUID
    package: str
    patient_id: uuid.UUID
    admission_id: uuid.UUID | None
    since: date
    until: date
    state: PackageState
    applied_at: Moment
    withdrawn_at: Moment | None
    reason: str | None
    version: int
    items: list[LeftOut]


class PackageUses(Schema):
    """What was applied for a patient, newest first, at most 200."""

    items: list[PackageUseOut]


class Withdrawal(Schema):
    """Take a package back."""

    reason: Reason
