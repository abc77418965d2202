"""Who sends papers, on the wire."""

from typing import Annotated

from pydantic import Field, StringConstraints

from hms_rt.kernel.schema import Name, PlaceCode, Schema, Text

Lines = Annotated[Text, StringConstraints(max_length=400)]
"""A few lines of text, ended by ``\n``."""


class IssuerIn(Schema):
    """Who sends a facility's invoices and receipts, as it stands on them."""

    facility: PlaceCode = "MAIN"
    name: Name
    address: Lines = ""
    tax_number: Annotated[Text, StringConstraints(max_length=40)] = ""
    footer: Lines = Field(default="", examples=["IBAN AT61 1904 3002 3457 3201"])
    """Below every page: bank account, register."""
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] | None = None
    """Of the facility's papers, by ISO 639-1; that of the installation (``FACILITY_LANGUAGE``), if null."""


class IssuerOut(IssuerIn):
    """Who sends a facility's papers."""

    version: int


class Issuers(Schema):
    """Every sender, by facility."""

    items: list[IssuerOut]
