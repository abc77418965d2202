"""REST of the pharmacy: formulary and stores. Prescriptions are in ``prescriptions``."""

from hms_rt.departments.pharmacy.schemas.formulary import (
    MedicineChange,
    MedicineIn,
    MedicineOut,
    MedicineQuery,
    StoreChange,
    StoreIn,
    StoreOut,
)
from hms_rt.kernel.paging import Page, PageQuery
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("pharmacy", "Pharmacy: formulary, dispensaries and the cupboards of wards")


@routes.get(
    "/pharmacy/formulary",
    query=MedicineQuery,
    answer=Page[MedicineOut],
    permission=Permission.FORMULARY_READ,
    summary="What can be prescribed",
)
async def list_formulary(call: Call[None, MedicineQuery]) -> Page[MedicineOut]:
    """Medicines by code."""
    return await call.services.pharmacy.formulary(call.principal, call.query)


@routes.post(
    "/pharmacy/formulary",
    body=MedicineIn,
    answer=MedicineOut,
    status=201,
    location="/pharmacy/formulary/{code}",
    permission=Permission.FORMULARY_DEFINE,
    command="pharmacy.define_medicine",
    summary="Define a medicine",
)
async def define_medicine(call: Call[MedicineIn, None]) -> MedicineOut:
    """Its generic, form, strength and codes, and the doses that are usual."""
    return await call.services.pharmacy.define_medicine(call.principal, call.command, call.body)


@routes.get(
    "/pharmacy/formulary/{medicine:text}",
    answer=MedicineOut,
    permission=Permission.FORMULARY_READ,
    versioned=True,
    summary="One medicine of the formulary",
)
async def get_medicine(call: Call[None, None]) -> MedicineOut:
    """The definition as it is now."""
    return await call.services.pharmacy.medicine(call.principal, call.path_code("medicine"))


@routes.patch(
    "/pharmacy/formulary/{medicine:text}",
    body=MedicineChange,
    answer=MedicineOut,
    permission=Permission.FORMULARY_DEFINE,
    command="pharmacy.change_medicine",
    versioned=True,
    summary="Change a medicine's definition",
)
async def change_medicine(call: Call[MedicineChange, None]) -> MedicineOut:
    """What is left out stays; prescriptions that exist keep what they say."""
    return await call.services.pharmacy.change_medicine(
        call.principal, call.command, call.path_code("medicine"), call.body
    )


@routes.get(
    "/pharmacy/stores",
    query=PageQuery,
    answer=Page[StoreOut],
    permission=Permission.STORE_READ,
    summary="Where medicines are kept",
)
async def list_stores(call: Call[None, PageQuery]) -> Page[StoreOut]:
    """Dispensaries and the cupboards of wards, by code."""
    return await call.services.pharmacy.stores(call.principal, call.query)


@routes.post(
    "/pharmacy/stores",
    body=StoreIn,
    answer=StoreOut,
    status=201,
    permission=Permission.STORE_DEFINE,
    command="pharmacy.define_store",
    summary="Define a dispensary or a ward's cupboard",
)
async def define_store(call: Call[StoreIn, None]) -> StoreOut:
    """A dispensary has a live queue, room ``dispensary:<code>`` of namespace ``/pharmacy``."""
    return await call.services.pharmacy.define_store(call.principal, call.command, call.body)


@routes.get(
    "/pharmacy/stores/{code}",
    answer=StoreOut,
    permission=Permission.STORE_READ,
    versioned=True,
    summary="One store",
)
async def get_store(call: Call[None, None]) -> StoreOut:
    """A dispensary, the cupboard of a ward, or a quarantine."""
    return await call.services.pharmacy.store(call.principal, call.path_code("code"))


@routes.patch(
    "/pharmacy/stores/{code}",
    body=StoreChange,
    answer=StoreOut,
    permission=Permission.STORE_DEFINE,
    command="pharmacy.change_store",
    versioned=True,
    summary="Change a store",
)
async def change_store(call: Call[StoreChange, None]) -> StoreOut:
    """Its name, or how many days before the last day of use its people are told of a lot."""
    return await call.services.pharmacy.change_store(
        call.principal, call.command, call.path_code("code"), call.body
    )
