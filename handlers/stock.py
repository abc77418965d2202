"""REST of stock."""

from hms_rt.departments.pharmacy.schemas.lots import LotOut, RecipientOut
from hms_rt.departments.pharmacy.schemas.stock import (
    CountIn,
    CountOut,
    LedgerQuery,
    MovementOut,
    RecallIn,
    ReceiptIn,
    StockOut,
    StockQuery,
    TransferIn,
    TransferOut,
    WriteOffIn,
    WriteOffOut,
    WriteOffQuery,
)
from hms_rt.departments.pharmacy.schemas.stocktaking import StocktakeIn, StocktakeOut
from hms_rt.kernel.paging import Page, PageQuery
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("stock", "Stock of medicines by lot and store")


@routes.get(
    "/pharmacy/stock",
    query=StockQuery,
    answer=Page[StockOut],
    permission=Permission.SHELF_READ,
    summary="What lies where",
)
async def list_stock(call: Call[None, StockQuery]) -> Page[StockOut]:
    """By lot and store; ``expires_before`` finds what must go soon.

    Nurses see the cupboards of their wards.
    """
    return await call.services.pharmacy.stock(call.principal, call.query)


@routes.get(
    "/pharmacy/ledger",
    query=LedgerQuery,
    answer=Page[MovementOut],
    permission=Permission.STOCK_READ,
    summary="Every movement of a lot",
)
async def list_ledger(call: Call[None, LedgerQuery]) -> Page[MovementOut]:
    """Newest first; their sum is the stock."""
    return await call.services.pharmacy.ledger(call.principal, call.query)


@routes.post(
    "/pharmacy/stores/{code}/receive",
    body=ReceiptIn,
    answer=StockOut,
    status=201,
    permission=Permission.STOCK_MOVE,
    command="pharmacy.receive",
    summary="Goods came in",
)
async def receive(call: Call[ReceiptIn, None]) -> StockOut:
    """A lot with its number and last day of use."""
    return await call.services.pharmacy.receive(
        call.principal, call.command, call.path_code("code"), call.body
    )


@routes.post(
    "/pharmacy/transfers",
    body=TransferIn,
    answer=TransferOut,
    status=201,
    permission=Permission.STOCK_MOVE,
    command="pharmacy.transfer",
    summary="Move stock to another store",
)
async def transfer(call: Call[TransferIn, None]) -> TransferOut:
    """Such as to the cupboard of a ward: what leaves one store arrives in the other."""
    return await call.services.pharmacy.transfer(call.principal, call.command, call.body)


@routes.post(
    "/pharmacy/counts",
    body=CountIn,
    answer=CountOut,
    status=201,
    permission=Permission.STOCK_MOVE,
    command="pharmacy.count",
    summary="Count a lot on the shelf",
)
async def count(call: Call[CountIn, None]) -> CountOut:
    """The difference to the ledger is booked, with its reason."""
    return await call.services.pharmacy.count(call.principal, call.command, call.body)


@routes.post(
    "/pharmacy/stores/{code}/counts",
    body=StocktakeIn,
    answer=StocktakeOut,
    status=201,
    permission=Permission.STOCK_MOVE,
    command="pharmacy.take_stock",
    summary="Count a store",
)
async def take_stock(call: Call[StocktakeIn, None]) -> StocktakeOut:
    """Many lots at once; their differences to the ledger are booked all, or none."""
    return await call.services.pharmacy.take_stock(
        call.principal, call.command, call.path_code("code"), call.body
    )


@routes.get(
    "/pharmacy/write-offs",
    query=WriteOffQuery,
    answer=Page[WriteOffOut],
    permission=Permission.STOCK_READ,
    summary="Write-offs, newest first",
)
async def list_write_offs(call: Call[None, WriteOffQuery]) -> Page[WriteOffOut]:
    """``state=requested`` finds those that wait for another person."""
    return await call.services.pharmacy.write_offs(call.principal, call.query)


@routes.post(
    "/pharmacy/write-offs",
    body=WriteOffIn,
    answer=WriteOffOut,
    status=201,
    permission=Permission.STOCK_MOVE,
    command="pharmacy.request_write_off",
    summary="Ask for a write-off",
)
async def request_write_off(call: Call[WriteOffIn, None]) -> WriteOffOut:
    """Nothing moves until another person approves."""
    return await call.services.pharmacy.request_write_off(call.principal, call.command, call.body)


@routes.post(
    "/pharmacy/write-offs/{id}/approve",
    answer=WriteOffOut,
    permission=Permission.WRITE_OFF_APPROVE,
    command="pharmacy.approve_write_off",
    versioned=True,
    summary="Approve a write-off",
)
async def approve_write_off(call: Call[None, None]) -> WriteOffOut:
    """By another person than who asked."""
    return await call.services.pharmacy.approve_write_off(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/pharmacy/write-offs/{id}/refuse",
    answer=WriteOffOut,
    permission=Permission.WRITE_OFF_APPROVE,
    command="pharmacy.refuse_write_off",
    versioned=True,
    summary="Refuse a write-off",
)
async def refuse_write_off(call: Call[None, None]) -> WriteOffOut:
    """By another person than who asked; nothing moves."""
    return await call.services.pharmacy.refuse_write_off(call.principal, call.command, call.path_uuid("id"))


@routes.get(
    "/pharmacy/lots/{id}",
    answer=LotOut,
    permission=Permission.STOCK_MOVE,
    versioned=True,
    summary="A lot: where it lies, and who got some",
)
async def get_lot(call: Call[None, None]) -> LotOut:
    """With every patient for whom something of it was prepared or handed over."""
    return await call.services.pharmacy.lot(call.principal, call.command, call.path_uuid("id"))


@routes.get(
    "/pharmacy/lots/{id}/recipients",
    query=PageQuery,
    answer=Page[RecipientOut],
    permission=Permission.STOCK_MOVE,
    summary="Who got some of a lot",
)
async def list_recipients(call: Call[None, PageQuery]) -> Page[RecipientOut]:
    """Every dispense with something of it, oldest first."""
    return await call.services.pharmacy.recipients(
        call.principal, call.command, call.path_uuid("id"), call.query
    )


@routes.post(
    "/pharmacy/lots/{id}/recall",
    body=RecallIn,
    answer=LotOut,
    permission=Permission.STOCK_MOVE,
    command="pharmacy.recall",
    versioned=True,
    summary="Call a lot back",
)
async def recall(call: Call[RecallIn, None]) -> LotOut:
    """Nothing of it leaves any more; stores that have it, and doctors and wards of who got some, are told."""
    return await call.services.pharmacy.recall(call.principal, call.command, call.path_uuid("id"), call.body)
