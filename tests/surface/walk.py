"""A way through every command, drawn from a seed: a step follows from the seed and its number alone."""

import random
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from hms_rt.kernel.errors import HmsError
from hms_rt.web.endpoints import Endpoint
from hms_rt.web.settings import API_PREFIX
from tests.realtime.raw import Raw
from tests.surface.asks import ENDPOINTS, Ask, ask, label
from tests.surface.replies import send
from tests.surface.sockets import DECLARED, SOCKET_COMMANDS, TWINS, as_payload, payload
from tests.surface.town import Town
from tests.surface.world import Client

COMMANDS = [
    endpoint
    for endpoint in ENDPOINTS
    if not endpoint.safe and not endpoint.public and not endpoint.path.startswith("/auth/")
]
ABOUT_ANOTHER = 0.5
BY_SOCKET = 0.5


@dataclass
class Walk:
    """What was done so far, in which order, and what became of it."""

    town: Town
    who: Client
    seed: int
    socket: Raw
    done: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Answers that no command may give."""
    _known: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    async def begin(cls, town: Town, who: Client, seed: int) -> "Walk":
        """With a socket of ``who`` in every namespace."""
        raw = await town.dial(who)
        for namespace in sorted({namespace for namespace, _ in SOCKET_COMMANDS}):
            await raw.enter(namespace)
        return cls(town, who, seed, raw)

    async def step(self, number: int, endpoint: Endpoint) -> None:
        """One command about something new or something known, by one door or the other."""
        chance = random.Random(f"{self.seed}:{number}")
        with self.town.by(chance):
            try:
                asked = await ask(self.town, endpoint)
            except HmsError as error:  # somebody else took what was to be made ready for it
                self._refuse(number, endpoint, str(error.code), "not ready")
                return
        if chance.random() < ABOUT_ANOTHER:
            asked = await self._about_another(endpoint, asked, chance)
        if label(endpoint) in TWINS and chance.random() < BY_SOCKET:
            await self.tell(number, *TWINS[label(endpoint)], endpoint, asked)
        else:
            await self.send(number, endpoint, asked)
        if "id" in asked.path:
            self._known[_collection(endpoint)].append(asked.path["id"])

    async def send(self, number: int, endpoint: Endpoint, asked: Ask) -> None:
        """Over REST."""
        reply = await send(self.who, endpoint, asked, str(uuid.uuid4()))
        outcome = str(reply.status) if reply.status < 300 else f"{reply.status} {reply.code}"
        self._note(number, endpoint, outcome, f"{dict(asked.path)} {asked.body}")
        if reply.status < 300:
            self.done.add(label(endpoint))
        else:
            self.refused[str(reply.code)] += 1
        if reply.status >= 500:
            self.broken.append(f"{self.log[-1]}: {reply.text}")

    async def tell(self, number: int, namespace: str, name: str, endpoint: Endpoint, asked: Ask) -> None:
        """Over the socket."""
        said = as_payload(DECLARED[namespace, name], asked)
        ack = await self.socket.call(namespace, name, {"id": str(uuid.uuid4()), **said}, seconds=30)
        code = "ok" if ack["ok"] else ack["error"]["code"]
        self._note(number, endpoint, code, f"{namespace} {name} {said}")
        if ack["ok"]:
            self.done |= {label(endpoint), f"{namespace} {name}"}
        else:
            self.refused[code] += 1
        if code in {"internal", "unavailable"}:
            self.broken.append(self.log[-1])

    async def what_is_left(self) -> None:
        """What never came about in the crowd, with things of its own."""
        for endpoint in COMMANDS:
            if label(endpoint) not in self.done:
                await self.send(-1, endpoint, await ask(self.town, endpoint))
        for namespace, name in SOCKET_COMMANDS:
            if f"{namespace} {name}" not in self.done:
                said = {"id": str(uuid.uuid4()), **await payload(self.town, namespace, name)}
                ack = await self.socket.call(namespace, name, said, seconds=30)
                assert ack["ok"], (namespace, name, said, ack)
                self.done.add(f"{namespace} {name}")

    async def _about_another(self, endpoint: Endpoint, asked: Ask, chance: random.Random) -> Ask:
        """The same about another thing of its kind, in whatever state that is."""
        known = self._known[_collection(endpoint)]
        if "id" not in asked.path or not known:
            return asked
        other = chance.choice(known)
        async with self.who.get(f"{API_PREFIX}{_collection(endpoint)}/{other}") as answer:
            version = answer.headers.get("ETag", '"1"').strip('"')
        return Ask({**asked.path, "id": other}, asked.query, asked.body, int(version))

    def _refuse(self, number: int, endpoint: Endpoint, code: str, why: str) -> None:
        self.refused[code] += 1
        self._note(number, endpoint, code, why)

    def _note(self, number: int, endpoint: Endpoint, outcome: str, what: str) -> None:
        self.log.append(f"{number:4} {outcome:28} {label(endpoint)} {what}")


def _collection(endpoint: Endpoint) -> str:
    return endpoint.path.partition("/{")[0]


def steps(seed: int, rounds: int) -> list[list[tuple[int, Endpoint]]]:
    """Every command once a round, each round in an order of its own; numbered through."""
    numbered, number = [], 0
    for drawn in range(rounds):
        shuffled = random.Random(f"{seed} round {drawn}").sample(COMMANDS, len(COMMANDS))
        numbered.append(list(enumerate(shuffled, number)))
        number += len(COMMANDS)
    return numbered
