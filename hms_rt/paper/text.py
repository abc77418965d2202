"""A text that flows: wrapped to the room it gets, each line in the order it is seen."""

from reportlab.platypus import Flowable

from hms_rt.paper.writing import Align, Pen, width

LEADING = 4 / 3
"""From line to line, in sizes of the type."""
SMALLEST = 5.0
"""Of a text that keeps its words whole, in points."""


class Text(Flowable):  # type: ignore[misc]
    """Wraps at spaces, a word longer than the room anywhere; goes on over pages.

    ``whole``: such a word makes the type smaller instead; an amount in two lines would be read as two.
    """

    def __init__(
        self,
        pen: Pen,
        text: str,
        *,
        bold: bool = False,
        size: float = 9.0,
        align: Align = Align.START,
        before: float = 0,
        after: float = 0,
        whole: bool = False,
    ) -> None:
        super().__init__()
        self._pen, self._bold, self._size, self._align = pen, bold, size, align
        self._legible = pen.legible(text, bold=bold)
        self.spaceBefore, self.spaceAfter = before, after
        self._lines: list[str] = []
        self._whole = whole
        self._leading, self._ascent = size * LEADING, size

    def wrap(self, room: float, _height: float) -> tuple[float, float]:
        """Its width and height in that much room."""
        if self._whole:
            self._shrink(room)
        self._lines = self._pen.lines(self._legible, bold=self._bold, size=self._size, room=room)
        self._room = room
        return room, len(self._lines) * self._leading

    def _shrink(self, room: float) -> None:
        """As small as its longest word needs."""
        longest = max(width(word, bold=self._bold, size=1) for word in self._legible.split(" "))
        if longest * self._size > room:
            self._size = max(SMALLEST, room / longest * 0.999)

    def split(self, room: float, height: float) -> list[Flowable]:
        """In two where a page ends."""
        self.wrap(room, height)
        fits = int(height / self._leading)
        if not 0 < fits < len(self._lines):
            return [] if fits == 0 else [self]
        return [self._part(self._lines[:fits], last=False), self._part(self._lines[fits:], last=True)]

    def _part(self, lines: list[str], *, last: bool) -> "Text":
        after = self.getSpaceAfter() if last else 0
        part = Text(self._pen, "", bold=self._bold, size=self._size, align=self._align, after=after)
        part._legible = "\n".join(lines)
        return part

    def draw(self) -> None:
        """Line below line."""
        baseline = len(self._lines) * self._leading - self._ascent
        for line in self._lines:
            self._pen.place(
                self.canv,
                (0, self._room),
                baseline,
                line,
                bold=self._bold,
                size=self._size,
                align=self._align,
            )
            baseline -= self._leading
