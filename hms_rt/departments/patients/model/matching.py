"""Whether two people who were registered may be one: keys by which candidates are found, and a score.

Names compare without accents, umlauts (Müller, Mueller, Muller), script (Cyrillic, Greek) and order; a few
spellings that sound alike are one (ph and f, c and k, y and i). The keys are looked up by equality, so the
cost does not grow with the number of patients; the score is computed on the few that share a key.

Weights follow the usual fields of deterministic record linkage (name, birth date, sex, telephone number).
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from hms_rt.departments.patients.model.patient import Patient, Sex, digits, normalised

PROBABLE = 80
"""From this score on, registering needs a word that it is somebody else."""
POSSIBLE = 60
"""From this score on, a candidate is shown."""
LEAST_NAME = 0.5  # a married name, a twin
LEAST_WORD = 0.7
MAX_TOKENS = 8
PHONE_DIGITS = 8
MIN_PHONE_DIGITS = 6

_CYRILLIC = (
    "а-a б-b в-v г-g д-d е-e ж-zh з-z и-i к-k л-l м-m н-n о-o п-p р-r с-s т-t у-u ф-f х-h ц-ts ч-ch ш-sh щ-sh"
    " ъ- ы-i ь- э-e ю-yu я-ya і-i є-ye ґ-g"
)
_GREEK = (
    "α-a β-v γ-g δ-d ε-e ζ-z η-i θ-th ι-i κ-k λ-l μ-m ν-n ξ-x ο-o π-p ρ-r σ-s ς-s τ-t υ-i φ-f χ-ch ψ-ps ω-o"
)
_LATIN = str.maketrans(dict(pair.split("-") for pair in f"{_CYRILLIC} {_GREEK}".split()))

_ALIKE = (
    ("sch", "s"),
    ("sh", "s"),
    ("ae", "a"),
    ("oe", "o"),
    ("ue", "u"),
    ("ph", "f"),
    ("th", "t"),
    ("ck", "k"),
    ("ch", "k"),
    ("c", "k"),
    ("w", "v"),
    ("y", "i"),
    ("j", "i"),
    ("z", "s"),
)
"""In this order; then doubled letters are one."""


@dataclass(frozen=True, slots=True)
class Person:
    """What is compared of somebody."""

    family_name: str
    given_name: str
    sex: Sex
    birth_date: date | None
    phone: str

    @property
    def tokens(self) -> tuple[str, ...]:
        """The words of the name as they compare, in order of the alphabet."""
        return tuple(sorted(folded(f"{self.family_name} {self.given_name}")))[:MAX_TOKENS]

    @property
    def phone_end(self) -> str:
        """The last digits of the telephone number; empty if there are too few to tell people apart."""
        number = digits(self.phone)
        return number[-PHONE_DIGITS:] if len(number) >= MIN_PHONE_DIGITS else ""


@dataclass(frozen=True, slots=True)
class Match:
    """How alike two are, 0 to 100, and what speaks for it."""

    score: int
    because: tuple[str, ...]


def person_of(patient: Patient) -> Person:
    """What is compared of a registered patient."""
    return Person(patient.family_name, patient.given_name, patient.sex, patient.birth_date, patient.phone)


def folded(name: str) -> list[str]:
    """The words of ``name`` as they compare."""
    plain = "".join(c for c in unicodedata.normalize("NFD", name.casefold()) if not unicodedata.combining(c))
    latin = plain.replace("ου", "ou").translate(_LATIN)
    return [word for word in (_sounding(token) for token in normalised(latin).split()) if word]


def _sounding(token: str) -> str:
    for written, alike in _ALIKE:
        token = token.replace(written, alike)
    return "".join(c for place, c in enumerate(token) if place == 0 or c != token[place - 1])[:40]


def keys(person: Person) -> set[str]:
    """What a registered patient is found by: the whole name, birth date with the letter that a word begins
    with, year of birth with a word, end of the telephone number."""
    tokens, born, phone = person.tokens, person.birth_date, person.phone_end
    found = {name_key(person)} if tokens else set()
    if born is not None:
        found |= {f"d:{born:%Y%m%d}:{token[0]}" for token in tokens}
        found |= {f"y:{born:%Y}:{token}" for token in tokens}
    if phone:
        found.add(f"p:{phone}")
    return found


def asked(person: Person) -> set[str]:
    """The keys to look up: those of :func:`keys`, and those of a birth date with day and month swapped."""
    found, born = keys(person), person.birth_date
    if born is not None and born.day <= 12:
        swapped = born.replace(month=born.day, day=born.month)
        found |= {f"d:{swapped:%Y%m%d}:{token[0]}" for token in person.tokens}
    return found


def name_key(person: Person) -> str:
    """The key of the whole name."""
    return f"n:{' '.join(person.tokens)}"[:300]


def compare(one: Person, other: Person) -> Match:
    """How alike two people are. Without half a name in common nothing else counts."""
    name = alike(one.tokens, other.tokens)
    if name < LEAST_NAME:
        return Match(0, ())
    points = 50 * name
    because = ["name" if name > 0.99 else "similar name"]
    for more, told in (_born(one.birth_date, other.birth_date), _sexes(one.sex, other.sex)):
        points += more
        because += [told] if told else []
    if one.phone_end and one.phone_end == other.phone_end:
        points += 15
        because.append("telephone number")
    return Match(max(0, min(100, round(points))), tuple(because))


def _born(one: date | None, other: date | None) -> tuple[int, str]:
    if one is None or other is None:
        return 0, ""
    if one == other:
        return 35, "birth date"
    wrong = sum(a != b for a, b in zip(f"{one:%Y%m%d}", f"{other:%Y%m%d}", strict=True))
    swapped = (one.year, one.month, one.day) == (other.year, other.day, other.month)
    if swapped or wrong == 1:
        return 25, "birth date but for a slip"
    return (5, "") if one.year == other.year else (-15, "")


def _sexes(one: Sex, other: Sex) -> tuple[int, str]:
    if Sex.UNKNOWN in (one, other):
        return 0, ""
    return (5, "sex") if one is other else (-10, "")


def alike(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """0 to 1: the words of both names in pairs, the most alike first, weighted by length; a word that one
    name has beyond the other (a middle name) costs little."""
    pairs = sorted(
        ((_likeness(a, b), i, j) for i, a in enumerate(one) for j, b in enumerate(other)), reverse=True
    )
    mine, theirs = set(range(len(one))), set(range(len(other)))
    total = weight = 0.0
    for likeness, i, j in pairs:
        if i in mine and j in theirs:
            mine.discard(i)
            theirs.discard(j)
            length = len(one[i]) + len(other[j])
            total += likeness * length
            weight += length
    return total / weight * (1 - 0.05 * (len(mine) + len(theirs))) if weight else 0.0


def _likeness(one: str, other: str) -> float:
    """1 less the share of letters to insert, drop, change or swap with their neighbour; 0 for other words."""
    if one == other:
        return 1.0
    likeness = 1 - _distance(one, other) / max(len(one), len(other))
    return likeness if likeness >= LEAST_WORD else 0.0


def _distance(one: str, other: str) -> int:
    """Optimal string alignment distance (Damerau, Levenshtein)."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row, last = [i], rows[-1]
        for j, b in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def best(found: Iterable[tuple[Patient, Match]], limit: int) -> list[tuple[Patient, Match]]:
    """The most alike first, at most ``limit``, none below ``POSSIBLE``."""
    shown = [one for one in found if one[1].score >= POSSIBLE]
    return sorted(shown, key=lambda one: (-one[1].score, one[0].id))[:limit]
