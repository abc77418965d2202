"""Plans to spoil a request, drawn by hypothesis; without ids, so that every run tries the same."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.surface.hostile_values import HEADERS, RAW, VALUES, Kin


class Act(StrEnum):
    """What a plan does to one field."""

    SET = "set"
    DROP = "drop"
    ADD = "add"
    WRAP = "wrap"


@dataclass(frozen=True)
class Plan:
    """How to spoil a request. ``body`` names fields by position, ``path`` and ``query`` hold values."""

    body: tuple[tuple[Act, int, Any], ...] = ()
    raw: bytes | None = None
    path: tuple[tuple[int, Any], ...] = ()
    query: tuple[tuple[int, Any], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    version: bool = True


VALUE = st.one_of(
    st.sampled_from(range(len(VALUES))).map(VALUES.__getitem__),
    st.text(max_size=12),
    st.integers(),
    st.recursive(st.none() | st.booleans() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3)),
)
_POSITION = st.integers(0, 11)
_HEADERS = st.lists(st.sampled_from(HEADERS), max_size=2, unique_by=lambda header: header[0]).map(tuple)


def plans(fields: int, parameters: int) -> st.SearchStrategy[Plan]:
    """Plans for a request with so many fields in its body or query, and so many parameters in its path."""
    spoiled = st.tuples(st.sampled_from((Act.SET, Act.SET, Act.SET, *Act)), _POSITION, VALUE)
    some = st.tuples(_POSITION, VALUE)
    return st.builds(
        Plan,
        body=st.lists(spoiled, min_size=1 if fields else 0, max_size=3).map(tuple),
        raw=st.one_of(st.none(), st.none(), st.none(), st.sampled_from(RAW), st.binary(max_size=20)),
        path=st.one_of(st.just(()), st.just(()), st.lists(some, max_size=parameters).map(tuple)),
        query=st.one_of(st.just(()), st.lists(some, max_size=2).map(tuple)),
        headers=st.one_of(st.just(()), _HEADERS),
        version=st.sampled_from((True, True, True, False)),
    )


def encoded(value: Any) -> str:
    """A value as one segment of a path or one value of a query, percent-encoded as bytes."""
    text = value if isinstance(value, str) else json.dumps(value)
    return quote(text.encode("utf-8", "surrogatepass"), safe="")[:2400]


def spoil(body: dict[str, Any], names: list[str], plan: Plan) -> dict[str, Any]:
    """``body``, whose fields could be ``names``, after the plan."""
    made = dict(body)
    for act, position, value in plan.body:
        name = names[position % len(names)] if names else "nothing"
        match act:
            case Act.SET:
                made[name] = value
            case Act.DROP:
                made.pop(name, None)
            case Act.ADD:
                made[f"{name}_"] = value
            case Act.WRAP:
                made[name] = [made.get(name)]
    return made


def resolved(value: Any, kin: dict[str, str]) -> Any:
    """``value`` with real ids in place of ``Kin``."""
    if isinstance(value, Kin):
        return kin[value]
    if isinstance(value, dict):
        return {name: resolved(item, kin) for name, item in value.items()}
    return [resolved(item, kin) for item in value] if isinstance(value, list) else value
