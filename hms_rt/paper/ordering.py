"""A line in the order in which it is seen, from left to right, with brackets that face the right way.

python-bidi orders by the Unicode bidirectional algorithm, isolates and pairs of brackets included, but leaves
out its last rule (L4): a bracket in a part that is read from right to left is drawn as its mirror. To know
which part a bracket came to stand in, each pair is lent signs of its own while the line is ordered.
"""

from collections.abc import Mapping

PAIRS = {"(": ")", "[": "]", "{": "}"}
_LENT = tuple(zip("⁅⟦⟨⟪⟬⟮⦃⦅⦇⦉⦋⦑⦕⧘⧚⧼", "⁆⟧⟩⟫⟭⟯⦄⦆⦈⦊⦌⦒⦖⧙⧛⧽", strict=True))
"""Signs that the algorithm treats as brackets, and that no text here holds."""


def ordered(line: str, *, rtl: bool) -> str:
    """``line`` as it is seen; ``rtl`` is the direction of the paper that it stands on."""
    from bidi import get_display  # Latin and Cyrillic papers do without

    lent, marked = _lent(line)
    shown = str(get_display(marked, base_dir="R" if rtl else "L"))
    back: dict[int, str] = {}
    for signs, brackets in lent.items():
        turned = shown.find(signs[0]) > shown.find(signs[1])
        back |= dict(zip(map(ord, signs), reversed(brackets) if turned else brackets, strict=True))
    return shown.translate(back)


def _lent(line: str) -> tuple[Mapping[tuple[str, str], str], str]:
    """The line with its pairs of brackets replaced, and what was replaced by what."""
    signs, lent, open_at = list(line), dict[tuple[str, str], str](), list[int]()
    free = [each for each in _LENT if each[0] not in line and each[1] not in line]
    for place, sign in enumerate(line):
        if sign in PAIRS:
            open_at.append(place)
        elif open_at and PAIRS[line[open_at[-1]]] == sign and free:
            first, pair = open_at.pop(), free.pop(0)
            lent[pair] = line[first] + sign
            signs[first], signs[place] = pair
    return lent, "".join(signs)
