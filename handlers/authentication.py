"""Who sends a request: the signed-in user or the enrolled screen that its cookies name, or another server."""

from collections.abc import Mapping

from aiohttp import web

from hms_rt.departments.identity.service import Principals
from hms_rt.departments.reporting.service import ReportingService
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal, PrincipalKind
from hms_rt.security.cookies import Cookies
from hms_rt.security.tokens import AccessTokens
from hms_rt.web.address import client_address, is_secure
from hms_rt.web.settings import API_PREFIX

_BEARER = "bearer "
SERVICE_DOORS = frozenset(f"{API_PREFIX}{path}" for path in ("/changes", "/changes/snapshot", "/auth/me"))
"""What a service account may ask for at all."""


class Authentication:
    """Injected into the HTTP door, and asked by the socket handshake."""

    def __init__(self, tokens: AccessTokens, principals: Principals) -> None:
        self._tokens = tokens
        self._principals = principals

    async def __call__(self, request: web.Request) -> Principal | None:
        """The principal behind the request's cookies, with the rights of this moment; None if there is none.

        A user who signs in on a screen acts as that user. Raises ``unavailable`` when the database is away:
        not knowing is not the same as nobody.
        """
        cookies = Cookies(tls=is_secure(request))
        return await self.of(request.cookies, cookies)

    async def of(self, jar: Mapping[str, str], cookies: Cookies) -> Principal | None:
        """The principal behind the cookies in ``jar``."""
        candidates = (
            (PrincipalKind.USER, cookies.session_of(jar)),
            (PrincipalKind.DEVICE, cookies.device_of(jar)),
        )
        for kind, token in candidates:
            principal = await self._behind(token, kind) if token is not None else None
            if principal is not None:
                return principal
        return None

    async def _behind(self, token: str, kind: PrincipalKind) -> Principal | None:
        try:
            claims = self._tokens.verify(token)
            if claims.kind is not kind:
                return None
            principal = await self._principals.of(claims.session_id, kind, at_least=claims.rights_version)
        except HmsError as error:
            if error.code is Code.UNAUTHENTICATED:
                return None
            raise
        return principal if principal.id == claims.subject else None


class RestAuthentication:
    """At the REST door alone an external server shows its secret, as ``Authorization: Bearer …``."""

    def __init__(
        self,
        cookies: Authentication,
        services: ReportingService,
    ) -> None:
        self._cookies = cookies
        self._services = services

    async def __call__(self, request: web.Request) -> Principal | None:
        """Who shows a secret is that account or nobody, whatever cookies come along.

        An account comes to no other door than the feed's: raises ``forbidden``, accounted for.
        """
        shown = request.headers.getall("Authorization", [])
        secrets = [one[len(_BEARER) :].strip() for one in shown if one.lower().startswith(_BEARER)]
        if not secrets:
            return await self._cookies(request)
        if len(shown) > 1:
            return None
        address = client_address(request)
        account = await self._services.principal_of(secrets[0], address)
        if account is not None and request.path not in SERVICE_DOORS:
            await self._services.refuse_other_door(account, address)
        return account
