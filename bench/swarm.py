"""Thousands of screens in one thread: they lose their server, come back as real ones do, and are current.

Each is a Socket.IO connection of its own, with its own cookie, and keeps to what a screen must do: a pause
that doubles with every failure and is spread at random (as the screens' ``backoff.js``), the time that a
503 or ``going_away`` tells, ``since`` where it has one, pings answered. Written on epoll, because it shares
a machine with the server that it measures: see ``python -m bench.storm`` for what it costs by itself.
"""

import heapq
import random
import re
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

RECEIVE = 1 << 17
MASKED = 0x80
SHORT = 126
LATER = 0.25
"""A told time is prolonged by up to this share of it, so that those who were told the same do not meet."""

_EPOCH = re.compile(rb'"epoch":"([^"]+)"')
_VERSION = re.compile(rb'"version":(\d+)')
_TO = re.compile(rb'"to":(\d+)')
_RETRY_IN = re.compile(rb'"retry_(?:in|after)_ms":(\d+)')
_RETRY_AFTER = re.compile(rb"(?i)\r\nretry-after: *(\d+)")


@dataclass(frozen=True)
class Habits:
    """How the screens behave; pauses in seconds. Without ``room``, who is connected is current."""

    namespace: str = "/beds"
    room: str | None = None
    cookie: str = "hms_device"
    first_pause: float = 0.5
    longest_pause: float = 10.0


class Screen:
    """One of them. ``version`` and ``epoch`` are what it shows, also while it has no connection."""

    __slots__ = (
        "attempts",
        "buffer",
        "current",
        "dialling",
        "epoch",
        "greeting",
        "opened",
        "sock",
        "steps",
        "told_s",
        "version",
    )

    def __init__(self, greeting: bytes) -> None:
        self.greeting = greeting
        self.sock: socket.socket | None = None
        self.buffer = b""
        self.dialling = False
        self.opened = False
        self.epoch = b""
        self.version = -1
        self.current = False
        self.attempts = 0
        self.told_s: float | None = None
        self.steps: list[float] = []
        """When this attempt was dialled, answered with 101, let into the namespace."""


@dataclass
class Storm:
    """What was seen since :meth:`Swarm.begin`."""

    began_at: float
    answered_at: float | None = None
    """When the first of the screens got an answer from a server again."""
    current_at: list[float] = field(default_factory=list)
    steps_s: list[list[float]] = field(default_factory=list)
    """Of the attempt that succeeded: dial to 101, 101 to namespace, namespace to current."""
    seen: Counter[str] = field(default_factory=Counter)
    cpu_s: float = 0.0
    """Processor time of the screens themselves."""


class Swarm:
    """Use :meth:`begin`, then :meth:`run`; both from one thread at a time."""

    def __init__(self, port: int, tokens: Sequence[str], habits: Habits, seed: int = 1) -> None:
        self.storm = Storm(time.monotonic())
        self.head = -1
        """A screen below this version is not current."""
        self._habits = habits
        self._address = ("127.0.0.1", port)
        self._random = random.Random(seed)
        self._screens = [Screen(self._greeting(token)) for token in tokens]
        self._by_fd: dict[int, Screen] = {}
        self._due: list[tuple[float, int, Screen]] = []
        self._order = 0
        self._poll = select.epoll()
        self._enter = _frame(f"40{habits.namespace},".encode())
        self._pong = _frame(b"3")
        self._ack = f"43{habits.namespace},".encode()
        self._change = f'42{habits.namespace},["change"'.encode()
        self._snapshot = f'42{habits.namespace},["snapshot"'.encode()
        self._entered = f"40{habits.namespace}".encode()

    def begin(self) -> None:
        """From now on count anew: nobody is current."""
        self.storm = Storm(time.monotonic())
        for screen in self._screens:
            screen.current = False

    def dial_all(self, within: float) -> None:
        """Everybody connects, at random times ``within`` so many seconds."""
        for screen in self._screens:
            self._later(screen, self._random.uniform(0, within))

    def run(self, until: Callable[["Swarm"], bool], seconds: float) -> bool:
        """Live until the condition holds; False if it did not within ``seconds``."""
        end, began = time.monotonic() + seconds, time.thread_time()
        try:
            return self._run(until, end)
        finally:
            self.storm.cpu_s += time.thread_time() - began

    def _run(self, until: Callable[["Swarm"], bool], end: float) -> bool:
        while not until(self):
            now = time.monotonic()
            if now >= end:
                return False
            while self._due and self._due[0][0] <= now:
                self._dial(heapq.heappop(self._due)[2])
            wait = min(0.05, self._due[0][0] - now) if self._due else 0.05
            for fd, _ in self._poll.poll(max(wait, 0), 1024):
                self._ready(self._by_fd[fd])
        return True

    @property
    def size(self) -> int:
        """How many screens there are."""
        return len(self._screens)

    def all_current(self) -> bool:
        """True if everybody has become current since :meth:`begin`."""
        return len(self.storm.current_at) >= len(self._screens)

    def all_at(self, version: int) -> bool:
        """True if everybody is connected and shows ``version`` or a later one."""
        return all(screen.sock is not None and screen.version >= version for screen in self._screens)

    def close(self) -> None:
        """Hang up everywhere."""
        for screen in self._screens:
            if screen.sock is not None:
                screen.sock.close()
        self._poll.close()

    # --- connecting

    def _greeting(self, token: str) -> bytes:
        lines = (
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
            f"Host: 127.0.0.1:{self._address[1]}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            f"Cookie: {self._habits.cookie}={token}",
        )
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def _later(self, screen: Screen, seconds: float) -> None:
        self._order += 1
        heapq.heappush(self._due, (time.monotonic() + seconds, self._order, screen))

    def _dial(self, screen: Screen) -> None:
        screen.steps = [time.monotonic()]
        self.storm.seen["dials"] += 1
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect_ex(self._address)  # what comes of it is told by epoll
        screen.sock, screen.buffer = sock, b""
        screen.dialling, screen.opened = True, False
        self._by_fd[sock.fileno()] = screen
        self._poll.register(sock, select.EPOLLOUT)

    def _again(self, screen: Screen) -> None:
        """Come back when told to; else after a pause that doubles with every failure."""
        if screen.told_s is not None:
            pause = screen.told_s * (1 + self._random.uniform(0, LATER))
            screen.told_s = None
        else:
            longest = min(self._habits.longest_pause, self._habits.first_pause * 2**screen.attempts)
            pause = longest * self._random.uniform(0.5, 1)
            screen.attempts += 1
        self._later(screen, pause)

    def _lost(self, screen: Screen, why: str) -> None:
        self.storm.seen[why] += 1
        sock, screen.sock = screen.sock, None
        if sock is not None:
            del self._by_fd[sock.fileno()]
            sock.close()  # epoll forgets it with that
        self._again(screen)

    # --- receiving

    def _ready(self, screen: Screen) -> None:
        sock = screen.sock
        if sock is None:
            return
        try:
            if screen.dialling:
                self._reached(screen, sock)
                return
            received = sock.recv(RECEIVE)
            if not received:
                self._lost(screen, "hung_up")
                return
            screen.buffer += received
            if screen.opened or self._opened(screen):
                self._frames(screen)
        except OSError:
            self._lost(screen, "hung_up")

    def _reached(self, screen: Screen, sock: socket.socket) -> None:
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._lost(screen, "no_server")
            return
        screen.dialling = False
        sock.send(screen.greeting)
        self._poll.modify(sock, select.EPOLLIN)

    def _opened(self, screen: Screen) -> bool:
        """Read the answer to the handshake, once it is there; False if there are no frames to read."""
        head, end, rest = screen.buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        if self.storm.answered_at is None:
            self.storm.answered_at = time.monotonic()
        status = head[9:12]
        if status == b"101":
            screen.opened, screen.buffer = True, rest
            screen.steps.append(time.monotonic())
            return True
        if told := _RETRY_AFTER.search(head + end):
            screen.told_s = float(told.group(1))
        self._lost(screen, f"refused_{status.decode(errors='replace')}")
        return False

    def _frames(self, screen: Screen) -> None:
        buffer, at = screen.buffer, 0
        while screen.sock is not None and len(buffer) >= at + 2:
            size, start = buffer[at + 1], at + 2
            if size >= SHORT:
                start += 2 if size == SHORT else 8
                if len(buffer) < start:
                    break
                size = int.from_bytes(buffer[at + 2 : start], "big")
            if len(buffer) < start + size:
                break
            if buffer[at] == 0x81:
                self._packet(screen, screen.sock, buffer[start : start + size])
            elif buffer[at] == 0x88:
                self._lost(screen, "closed")
                return
            at = start + size
        screen.buffer = buffer[at:]

    def _packet(self, screen: Screen, sock: socket.socket, packet: bytes) -> None:
        if packet.startswith(self._change):
            self._shows(screen, _TO.search(packet))
        elif packet == b"2":
            sock.send(self._pong)
        elif packet.startswith(b"0"):
            sock.send(self._enter)
        elif packet.startswith(self._entered):
            self._subscribe(screen, sock)
        elif packet.startswith(self._ack):
            self._answered(screen, packet)
        elif packet.startswith(self._snapshot):
            self._learn(screen, packet)
        elif b'"going_away"' in packet[:40] and (told := _RETRY_IN.search(packet)):
            screen.told_s = int(told.group(1)) / 1000
        elif packet.startswith((b"44", b"1")):
            self._lost(screen, "refused_namespace")

    def _subscribe(self, screen: Screen, sock: socket.socket) -> None:
        screen.steps.append(time.monotonic())
        room = self._habits.room
        if room is None:
            self._is_current(screen)
            return
        since = ""
        if screen.epoch:
            since = f',"since":{{"epoch":"{screen.epoch.decode()}","version":{screen.version}}}'
        asked = f'42{self._habits.namespace},1["subscribe",{{"room":"{room}"{since}}}]'
        sock.send(_frame(asked.encode()))

    def _answered(self, screen: Screen, packet: bytes) -> None:
        """The acknowledgement of the subscription."""
        if b'"ok":true' not in packet[:64]:
            told = _RETRY_IN.search(packet)
            screen.told_s = int(told.group(1)) / 1000 if told else None
            self._lost(screen, "refused_subscription")
            return
        self.storm.seen["resumed" if b'"mode":"resume"' in packet else "snapshots"] += 1
        self._learn(screen, packet)

    def _learn(self, screen: Screen, packet: bytes) -> None:
        epoch = _EPOCH.search(packet)
        if epoch is not None:
            screen.epoch = epoch.group(1)
        self._shows(screen, _VERSION.search(packet))

    def _shows(self, screen: Screen, version: re.Match[bytes] | None) -> None:
        if version is not None:
            screen.version = int(version.group(1))
            if screen.version >= self.head:
                self._is_current(screen)

    def _is_current(self, screen: Screen) -> None:
        if not screen.current:
            now = time.monotonic()
            screen.current, screen.attempts = True, 0
            self.storm.current_at.append(now)
            self.storm.steps_s.append([until - since for since, until in pairwise((*screen.steps, now))])


def _frame(payload: bytes) -> bytes:
    """A client's text frame; the mask is zero, which the protocol allows and which costs nothing."""
    size = len(payload)
    if size < SHORT:
        return bytes((0x81, MASKED | size)) + bytes(4) + payload
    return bytes((0x81, MASKED | SHORT)) + size.to_bytes(2, "big") + bytes(4) + payload
