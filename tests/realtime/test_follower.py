"""One stream in this process: strictly in order, whatever comes in whatever order."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from hms_rt.realtime import follower as follower_module
from hms_rt.realtime.follower import RING, Follower
from hms_rt.realtime.ring import UNPACKED, Ring
from hms_rt.storage.change_log import LogEntry

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


class Watched:
    """A follower that notes its calls: ``gaps`` and the versions it ``advanced`` to."""

    def __init__(self) -> None:
        self.gaps = 0
        self.advanced: list[int | None] = []
        self.follower = Follower("s", gap=self._gap, advanced=lambda one: self.advanced.append(one.version))

    def _gap(self, follower: Follower) -> None:
        self.gaps += 1

    def load(self, version: int = 0, **state: Mapping[str, Any]) -> Follower:
        self.follower.load(version, dict(state), NOW)
        return self.follower


def put(version: int, key: str = "k") -> LogEntry:
    op = {"op": "put", "key": key, "value": {"n": version}, "cause": "status"}
    return LogEntry("s", version, NOW, [op])


def remove(version: int, key: str = "k") -> LogEntry:
    return LogEntry("s", version, NOW, [{"op": "remove", "key": key, "cause": "status"}])


def test_puts_and_removes_change_the_state() -> None:
    follower = Watched().load(0, old={"n": 0})
    follower.offer(put(1))
    assert follower.state == {"old": {"n": 0}, "k": {"n": 1}}
    follower.offer(remove(2))
    follower.offer(remove(3, "old"))
    assert follower.state == {}
    assert follower.version == 3


@pytest.mark.parametrize("seed", range(5))
def test_any_order_with_duplicates_ends_in_the_same_state(seed: int) -> None:
    entries = [
        put(number, f"k{number % 7}") if number % 5 else remove(number, "k1") for number in range(1, 60)
    ]
    straight = Watched().load()
    for entry in entries:
        straight.offer(entry)

    shuffled = entries * 2
    random.Random(seed).shuffle(shuffled)
    watched = Watched()
    follower = watched.load()
    for entry in shuffled:
        follower.offer(entry)
    assert follower.state == straight.state
    assert watched.advanced == list(range(1, 60))
    assert [entry.version for entry in follower.after(0)] == list(range(1, 60))
    assert not follower.waiting


def test_what_is_known_already_is_ignored() -> None:
    watched = Watched()
    follower = watched.load(5, k={"n": 5})
    follower.offer(put(5))
    follower.offer(remove(3))
    assert (follower.version, follower.state, watched.advanced) == (5, {"k": {"n": 5}}, [])
    assert watched.gaps == 0


def test_a_gap_is_told_and_holds_everything_back_until_filled() -> None:
    watched = Watched()
    follower = watched.load(1)
    follower.offer(put(3))
    assert (watched.gaps, follower.version, follower.waiting) == (1, 1, True)
    assert follower.state == {}
    follower.offer(put(2))
    assert (watched.gaps, follower.version, follower.waiting) == (1, 3, False)
    assert watched.advanced == [2, 3]


def test_what_arrives_before_the_load_is_kept_and_no_gap() -> None:
    watched = Watched()
    for version in (8, 6, 7):
        watched.follower.offer(put(version))
    assert watched.gaps == 0
    assert not watched.follower.waiting
    follower = watched.load(6, k={"n": 6})
    assert (follower.version, follower.state) == (8, {"k": {"n": 8}})
    assert watched.advanced == [7, 8]
    assert watched.gaps == 0


def test_a_gap_after_the_load_is_told() -> None:
    watched = Watched()
    watched.follower.offer(put(9))
    watched.load(6)
    assert watched.gaps == 1
    assert watched.follower.waiting


def test_a_load_older_than_what_was_applied_changes_nothing() -> None:
    follower = Watched().load(1)
    follower.offer(put(2))
    follower.load(1, {"stale": {"n": 1}}, NOW)
    assert (follower.version, follower.state) == (2, {"k": {"n": 2}})
    assert follower.reaches(1)


def test_a_load_empties_the_ring_because_it_may_have_skipped_versions() -> None:
    follower = Watched().load(0)
    follower.offer(put(1))
    follower.load(10, {}, NOW)
    assert not follower.reaches(1)
    assert follower.reaches(10)
    assert follower.after(0) == []


def test_too_much_pending_is_dropped_for_the_gap_filler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "MAX_PENDING", 10)
    watched = Watched()
    follower = watched.load(0)
    for version in range(2, 40):
        follower.offer(put(version))
    assert len(follower._pending) <= 10
    assert watched.gaps == 38
    for version in range(1, 40):
        follower.offer(put(version))
    assert follower.version == 39


def test_the_ring_reaches_back_a_thousand_versions_and_no_more() -> None:
    follower = Watched().load(0)
    assert follower.reaches(0)
    for version in range(1, RING + 6):
        follower.offer(put(version))
    head = RING + 5
    assert follower.reaches(head)
    assert follower.after(head) == []
    assert follower.reaches(head - RING)
    assert len(follower.after(head - RING)) == RING
    assert not follower.reaches(head - RING - 1)
    assert not follower.reaches(head + 1)
    assert [entry.version for entry in follower.after(head - 2)] == [head - 1, head]


def test_forgetting_reaches_nowhere_until_loaded_again() -> None:
    watched = Watched()
    follower = watched.load(3)
    follower.offer(put(4))
    follower.forget()
    assert follower.state == {}
    assert not follower.reaches(4)
    assert not follower.waiting
    watched.load(2, k={"n": 2})
    assert (follower.version, follower.state) == (2, {"k": {"n": 2}})


def test_listeners_hear_every_entry_in_order() -> None:
    heard: list[int] = []
    follower = Watched().load(0)
    follower.listeners.append(lambda entry: heard.append(entry.version))
    for version in (2, 1, 2, 3):
        follower.offer(put(version))
    assert heard == [1, 2, 3]


def test_what_is_promised_while_loading_is_fetched_afterwards() -> None:
    watched = Watched()
    assert not watched.follower.lags(9)
    follower = watched.load(6)
    assert (watched.gaps, follower.waiting) == (1, True)
    assert follower.lags(9)
    for version in (7, 8, 9):
        follower.offer(put(version))
    assert not follower.waiting
    assert not follower.lags(9)


def test_too_much_before_the_load_is_dropped_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "MAX_PENDING", 10)
    watched = Watched()
    for version in range(1, 12):
        watched.follower.offer(put(version))
    follower = watched.load(0)
    assert watched.gaps >= 1
    assert follower.waiting
    for version in range(1, 11):
        follower.offer(put(version))
    assert (follower.version, follower.waiting) == (11, False)


def test_a_new_epoch_forgets_what_was_promised() -> None:
    watched = Watched()
    watched.follower.lags(9)
    watched.follower.forget()
    assert not watched.load(3).waiting
    assert watched.gaps == 0


def test_entries_of_before_are_put_in_front_of_the_ring() -> None:
    follower = Watched().load(10)
    assert not follower.reaches(7)
    follower.recall([put(8), put(9), put(10)])
    assert follower.reaches(7)
    assert not follower.reaches(6)
    follower.offer(put(11))
    follower.recall([put(5), put(6), put(7), put(8), put(9)])  # some are there already
    assert follower.reaches(4)
    assert [entry.version for entry in follower.after(4)] == [5, 6, 7, 8, 9, 10, 11]
    assert follower.version == 11


def test_entries_that_do_not_join_on_are_left_out() -> None:
    follower = Watched().load(10)
    for entries in ([put(5), put(6)], [], [put(11), put(12)]):
        follower.recall(entries)
        assert not follower.ring
        assert follower.after(0) == []


def test_recalled_entries_take_no_place_of_newer_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "RING", 3)
    follower = Watched().load(10)
    follower.recall([put(number) for number in range(1, 11)])
    assert [entry.version for entry in follower.ring] == [8, 9, 10]
    follower.recall([put(number) for number in range(1, 8)])
    assert [entry.version for entry in follower.ring] == [8, 9, 10]


def test_a_ring_gives_back_what_came_whether_packed_or_not() -> None:
    ring = Ring("s", 100)
    entries = [put(number, f"k{number}") if number % 3 else remove(number) for number in range(1, 251)]
    for entry in entries:
        ring.append(entry)
        assert len(ring) <= 100
    assert list(ring) == entries[-100:]
    assert ring.oldest == 151
    for version in (0, 150, 151, 200, 250 - UNPACKED - 1, 250 - UNPACKED, 249, 250, 300):
        assert ring.after(version) == [entry for entry in entries[-100:] if entry.version > version]
    ring.clear()
    assert (ring.oldest, ring.after(0)) == (None, [])  # type: ignore[comparison-overlap]
    assert not list(ring)
