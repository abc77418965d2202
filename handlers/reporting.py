"""REST of service accounts: external servers that read, for administrators."""

from hms_rt.departments.reporting.schemas.accounts import (
    AccountNew,
    AccountOut,
    AccountToken,
    AccountUpdate,
    SecretNamed,
)
from hms_rt.kernel.paging import Page, PageQuery
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("reporting", "Service accounts of external servers, and what they read")


@routes.get(
    "/service-accounts",
    query=PageQuery,
    answer=Page[AccountOut],
    permission=Permission.SERVICE_ACCOUNTS,
    summary="List service accounts",
)
async def list_accounts(call: Call[None, PageQuery]) -> Page[AccountOut]:
    """Oldest first, revoked ones included."""
    return await call.services.reporting.list_accounts(call.principal, call.query)


@routes.post(
    "/service-accounts",
    body=AccountNew,
    answer=AccountToken,
    permission=Permission.SERVICE_ACCOUNTS,
    status=201,
    summary="Let an external server read",
)
async def create_account(call: Call[AccountNew, None]) -> AccountToken:
    """Answers its first secret, which is shown this once. The account has no right but to read the changes of
    its streams: by pseudonyms, unless it is `identified`."""
    return await call.services.reporting.create_account(call.principal, call.command, call.body)


@routes.get(
    "/service-accounts/{id}",
    answer=AccountOut,
    permission=Permission.SERVICE_ACCOUNTS,
    versioned=True,
    summary="One service account",
)
async def get_account(call: Call[None, None]) -> AccountOut:
    """With its secrets, without what is secret about them, and when it was used last."""
    return await call.services.reporting.get_account(call.principal, call.path_uuid("id"))


@routes.patch(
    "/service-accounts/{id}",
    body=AccountUpdate,
    answer=AccountOut,
    permission=Permission.SERVICE_ACCOUNTS,
    versioned=True,
    summary="Change what an external server reads, from where, and until when",
)
async def change_account(call: Call[AccountUpdate, None]) -> AccountOut:
    """Counts from its next page on."""
    return await call.services.reporting.change_account(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/service-accounts/{id}/secrets",
    answer=AccountToken,
    permission=Permission.SERVICE_ACCOUNTS,
    status=201,
    summary="A second secret, to follow the first",
)
async def issue_secret(call: Call[None, None]) -> AccountToken:
    """Both work until the old one is revoked; there are never three."""
    return await call.services.reporting.issue_secret(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/service-accounts/{id}/revoke-secret",
    body=SecretNamed,
    answer=AccountOut,
    permission=Permission.SERVICE_ACCOUNTS,
    summary="Let a secret work no more",
)
async def revoke_secret(call: Call[SecretNamed, None]) -> AccountOut:
    """From the next request on."""
    return await call.services.reporting.revoke_secret(
        call.principal, call.command, call.path_uuid("id"), call.body.secret_id
    )


@routes.post(
    "/service-accounts/{id}/revoke",
    answer=AccountOut,
    permission=Permission.SERVICE_ACCOUNTS,
    summary="Shut an external server out",
)
async def revoke_account(call: Call[None, None]) -> AccountOut:
    """For good, and from its next request on."""
    return await call.services.reporting.revoke_account(call.principal, call.command, call.path_uuid("id"))
