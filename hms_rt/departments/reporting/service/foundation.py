"""What every part of the reporting service works with."""

import random
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.identity.service import IdentityService
from hms_rt.departments.notifications.service import NotificationsService
from hms_rt.departments.reporting import views
from hms_rt.departments.reporting.model.account import Account
from hms_rt.departments.reporting.model.guard import Guard
from hms_rt.departments.reporting.model.pseudonyms import Pseudonyms
from hms_rt.departments.reporting.model.refusal import Refusal, Tally
from hms_rt.departments.reporting.repository import accounts
from hms_rt.departments.reporting.service.sending import Sender
from hms_rt.kernel.principal import Principal, PrincipalKind
from hms_rt.security.permissions import Permission, require
from hms_rt.security.tokens import DerivedSecrets, SigningKey, unauthenticated
from hms_rt.storage.unit_of_work import UnitsOfWork

State = Mapping[str, Mapping[str, Any]]
ReadState = Callable[[AsyncConnection, str], Awaitable[State | None]]
"""The full state of a stream by the argument of its name, from a snapshot; None if there is no such thing."""


class Foundation:
    """The collaborators of the reporting service.

    ``key`` derives the secrets of accounts and webhooks, so that a repeated command answers the same one.
    ``states`` are the readers of streams by kind, filled in by the composition root once the rooms are known.
    Webhooks are sent to what is ``allowed`` and to public addresses; ``chance`` (0 to 1) spreads what is
    tried again.
    """

    def __init__(
        self,
        units: UnitsOfWork,
        identity: IdentityService,
        notifications: NotificationsService,
        key: SigningKey,
        states: Mapping[str, ReadState],
        allowed: Iterable[str] = (),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._units = units
        self._identity = identity
        self._notifications = notifications
        self._sender = Sender(Guard.of(allowed))
        self._chance = chance
        self._webhook_keys = DerivedSecrets(key, "webhook signatures")
        self._secrets = DerivedSecrets(key, "service account secret")
        self._states = states
        self._tallies: dict[tuple[uuid.UUID | None, Refusal], Tally] = {}
        self._pages: Counter[uuid.UUID] = Counter()
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def _reader(self, connection: AsyncConnection, principal: Principal) -> Account:
        """The account that reads, as it is now; raises ``forbidden`` for anybody else, ``unauthenticated``
        once it or its secret was revoked."""
        require(principal, Permission.CHANGES_READ)
        account = await self._works(connection, principal.id, principal.session_id)
        if principal.kind is not PrincipalKind.SERVICE or account is None:
            raise unauthenticated()
        return account

    async def _works(
        self, connection: AsyncConnection, account_id: uuid.UUID, secret_id: uuid.UUID
    ) -> Account | None:
        return await accounts.works(connection, account_id, secret_id, self._units.now())


def lens_of(account: Account) -> views.Lens:
    """How ``account`` sees what it reads."""
    return views.Lens(Pseudonyms(account.pseudonym_key), account.identified)
