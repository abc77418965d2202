"""The identity service on a real PostgreSQL, with a clock that tests move."""

import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.app import Stores
from hms_rt.departments.identity.projector import PROJECTORS
from hms_rt.departments.identity.schemas import Login, UserNew, UserOut
from hms_rt.departments.identity.service import IdentityService, Throttle
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.commands import Command
from hms_rt.kernel.ids import RandomIds
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from hms_rt.security.passwords import Passwords
from hms_rt.security.tokens import AccessTokens, SigningKey
from hms_rt.storage.postgres import make_engine
from hms_rt.storage.unit_of_work import UnitsOfWork

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
KEY = SigningKey(b"k" * 64)
PASSWORD = "correct horse battery"


@pytest.fixture
async def engine(stores: Stores) -> AsyncIterator[AsyncEngine]:
    made = make_engine(stores.postgres_uri)
    yield made
    await made.dispose()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def tokens(clock: ManualClock) -> AccessTokens:
    return AccessTokens([KEY], clock)


@pytest.fixture
def units(engine: AsyncEngine, clock: ManualClock) -> UnitsOfWork:
    return UnitsOfWork(engine, clock, RandomIds(), PROJECTORS)


@pytest.fixture
async def identity(
    units: UnitsOfWork, clock: ManualClock, tokens: AccessTokens
) -> AsyncIterator[IdentityService]:
    passwords = Passwords(b"p" * 32, cost=4)
    yield IdentityService(units, clock, RandomIds(), passwords, tokens, KEY, Throttle())
    passwords.close()


def command(name: str = "identity.test", **fields: object) -> Command:
    """A command from one address."""
    return Command(name=name, request_id=uuid.uuid4().hex, address="192.0.2.1", **fields)  # type: ignore[arg-type]


class Staff:
    """Opens accounts and signs them in."""

    def __init__(self, identity: IdentityService) -> None:
        self._identity = identity

    async def hire(self, username: str, *roles: Role) -> UserOut:
        new = UserNew.model_validate(
            {"username": username, "display_name": username.title(), "password": PASSWORD, "roles": roles}
        )
        return await self._identity.create_user(SYSTEM, command(), new)

    async def signed_in(self, username: str, *roles: Role) -> Principal:
        await self.hire(username, *roles)
        return (await self._identity.login(command(), credentials(username))).principal


def credentials(username: str, password: str = PASSWORD) -> Login:
    return Login.model_validate({"username": username, "password": password})


@pytest.fixture
def staff(identity: IdentityService) -> Staff:
    return Staff(identity)


@pytest.fixture
def changes_of(engine: AsyncEngine) -> Callable[[], object]:
    """The keys changed on the stream of rights since the test began, in order."""

    async def read() -> list[str]:
        async with engine.connect() as connection:
            rows = await connection.execute(
                text(
                    "SELECT op->>'key' AS key FROM change_log, jsonb_array_elements(ops) op"
                    " WHERE stream = 'identity/rights' ORDER BY version"
                )
            )
            return list(rows.scalars())

    return read
