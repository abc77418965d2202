"""A scanner for the labels: it measures the bars that a PDF draws, and decodes them as Code 128."""

import base64
import itertools
import re
import zlib

_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.S)
_RECT = re.compile(rb"([\d.-]+) ([\d.-]+) ([\d.-]+) ([\d.-]+) re f")
_SHIFT = re.compile(rb"1 0 0 1 ([\d.-]+) [\d.-]+ cm")

SYMBOLS = """
212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231
113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211
212123 212321 232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131
113123 113321 133121 313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111
314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211
241211 221114 413111 241112 134111 111242 121142 121241 114212 124112 124211 411212 421112 421211 212141
214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141 411131 211412 211214
211232
"""
"""ISO/IEC 15417: the widths of bars and spaces of the symbol characters, by value."""

_VALUES = {pattern: value for value, pattern in enumerate(SYMBOLS.split())}
_STOP = [2, 3, 3, 1, 1, 1, 2]
_SETS = {103: "A", 104: "B", 105: "C"}
_SWITCH = {"A": {99: "C", 100: "B"}, "B": {99: "C", 101: "A"}, "C": {100: "B", 101: "A"}}

Bar = tuple[float, float]


def pages(document: bytes) -> list[list[Bar]]:
    """The bars of every page, from the left: where each begins on the page, and how wide it is."""
    found = []
    for packed in _STREAM.findall(document):
        if not packed.strip().endswith(b"~>"):
            continue
        drawing = zlib.decompress(base64.a85decode(b"<~" + packed.strip(), adobe=True))
        if bars := _bars(drawing):
            found.append(bars)
    return found


def _bars(drawing: bytes) -> list[Bar]:
    shift = sum(float(one) for one in _SHIFT.findall(drawing))
    rectangles = _RECT.findall(drawing)
    return sorted((float(x) + shift, float(w)) for x, _, w, h in rectangles if float(h) > 10)


def scanned(bars: list[Bar], module: float) -> str:
    """What a scanner reads: measured in modules, decoded, the check character verified."""
    edges = [edge for x, width in bars for edge in (x, x + width)]
    widths = [round((after - before) / module) for before, after in itertools.pairwise(edges)]
    assert widths[-7:] == _STOP
    groups = [widths[at : at + 6] for at in range(0, len(widths) - 7, 6)]
    start, *data, check = [_VALUES["".join(map(str, group))] for group in groups]
    assert check == (start + sum(place * value for place, value in enumerate(data, 1))) % 103
    text, code_set = "", _SETS[start]
    for value in data:
        if value in _SWITCH[code_set]:
            code_set = _SWITCH[code_set][value]
        else:
            text += f"{value:02}" if code_set == "C" else chr(value + 32)
    return text
