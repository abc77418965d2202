"""Look-ups of principals: those that come together are one query, and none is older than its question."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence

from hms_rt.departments.identity.service.gathered import AT_ONCE, LARGEST, Gathered, SessionKey
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal, PrincipalKind


class Database:
    """Knows everybody but ``gone``; each query waits for ``release``."""

    def __init__(self) -> None:
        self.queries: list[list[SessionKey]] = []
        self.gone: set[uuid.UUID] = set()
        self.release = asyncio.Event()
        self.release.set()
        self.fault: Exception | None = None

    async def read(self, keys: Sequence[SessionKey]) -> Mapping[SessionKey, Principal]:
        self.queries.append(list(keys))
        await self.release.wait()
        if self.fault is not None:
            raise self.fault
        return {key: who(*key) for key in keys if key[0] not in self.gone}


def who(session_id: uuid.UUID, kind: PrincipalKind) -> Principal:
    return Principal(kind=kind, id=session_id, session_id=session_id, name="", rights_version=1)


USER = PrincipalKind.USER


async def ask(gathered: Gathered, session_id: uuid.UUID) -> Principal:
    return await gathered(session_id, USER)


async def test_those_who_ask_together_share_a_query_and_get_their_own_answer() -> None:
    database = Database()
    gathered = Gathered(database.read)
    sessions = [uuid.uuid4() for _ in range(50)]
    answers = await asyncio.gather(*(gathered(session, USER) for session in [*sessions, sessions[0]]))
    assert [answer.id for answer in answers] == [*sessions, sessions[0]]
    assert [len(query) for query in database.queries] == [50]


async def test_the_kind_belongs_to_the_question() -> None:
    gathered = Gathered(Database().read)
    session = uuid.uuid4()
    user, screen = await asyncio.gather(gathered(session, USER), gathered(session, PrincipalKind.DEVICE))
    assert (user.kind, screen.kind) == (USER, PrincipalKind.DEVICE)


async def test_who_is_not_signed_in_is_told_so_and_nobody_else() -> None:
    database = Database()
    here, gone = uuid.uuid4(), uuid.uuid4()
    database.gone = {gone}
    gathered = Gathered(database.read)
    found, refused = await asyncio.gather(gathered(here, USER), gathered(gone, USER), return_exceptions=True)
    assert isinstance(found, Principal)
    assert isinstance(refused, HmsError)
    assert refused.code is Code.UNAUTHENTICATED


async def test_a_question_never_joins_a_query_that_is_under_way() -> None:
    """The answer of that query may be from before a right was taken away."""
    database = Database()
    gathered = Gathered(database.read)
    session = uuid.uuid4()
    database.release.clear()
    first = asyncio.create_task(ask(gathered, session))
    while not database.queries:
        await asyncio.sleep(0)
    second = asyncio.create_task(ask(gathered, session))
    while len(database.queries) < 2:
        await asyncio.sleep(0)
    database.release.set()
    await asyncio.gather(first, second)
    assert database.queries == [[(session, USER)], [(session, USER)]]


async def test_queries_are_bounded_in_number_and_size() -> None:
    database = Database()
    gathered = Gathered(database.read)
    database.release.clear()
    asking = [asyncio.create_task(ask(gathered, uuid.uuid4())) for _ in range(3 * LARGEST)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert [len(query) for query in database.queries] == [LARGEST] * AT_ONCE
    database.release.set()
    await asyncio.gather(*asking)
    assert sum(map(len, database.queries)) == 3 * LARGEST


async def test_a_failed_query_reaches_all_who_asked_and_the_next_one_works() -> None:
    database = Database()
    gathered = Gathered(database.read)
    database.fault = OSError("away")
    found = await asyncio.gather(*(gathered(uuid.uuid4(), USER) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [OSError] * 3
    database.fault = None
    assert (await gathered(uuid.uuid4(), USER)).kind is USER
