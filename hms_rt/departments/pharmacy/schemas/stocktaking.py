"""Counting a whole store, on the wire."""

import uuid
from typing import Annotated

from pydantic import Field, model_validator

from hms_rt.departments.pharmacy.schemas.stock import CountOut
from hms_rt.kernel.quantity import Amount
from hms_rt.kernel.schema import Moment, Reason, Schema


class CountedIn(Schema):
    """What somebody counted of one lot."""

    lot_id: uuid.UUID
    counted: Amount


class StocktakeIn(Schema):
    """What somebody counted in a store: many lots at once. Lots that are not named stay as they are."""

    lines: Annotated[list[CountedIn], Field(min_length=1, max_length=200)]
    reason: Reason
    occurred_at: Moment | None = None

    @model_validator(mode="after")
    def _once(self) -> "StocktakeIn":
        if len({one.lot_id for one in self.lines}) != len(self.lines):
            raise ValueError("name each lot once")
        return self


class StocktakeOut(Schema):
    """A count of a store, lot by lot as it was told."""

    store: str
    counts: list[CountOut]
