"""What goes on paper: bag labels, and pick and pack lists, as PDF on A4.

Chinese is set in STSong-Light, which PDF viewers bring or substitute; nothing is embedded. Texts without Chinese are in
Helvetica, whose digits no substitute squeezes. The same input gives the same bytes.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from xml.sax.saxutils import escape

import segno
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, TableStyle

CHINESE, LATIN, BOLD = "STSong-Light", "Helvetica", "Helvetica-Bold"
PER_ROW, PER_COLUMN = 3, 8
"""The usual sheet of 24 labels of 70 x 37 mm."""

_INSET = 4 * mm
_MARGIN = 14 * mm
_GRID = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
        ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ]
)

registerFont(UnicodeCIDFont(CHINESE))


@dataclass(frozen=True)
class Label:
    """One bag. ``qr`` is an opaque value; a name or a flat has no place on a label (ownership.md §1)."""

    gate_number: str
    building: str
    entrance: str
    round_code: str
    qr: str


@dataclass(frozen=True)
class ListColumn:
    """A column of a printed list; ``share`` is its part of the width, relative to the others."""

    title: str
    share: float = 1.0


def label_sheet(labels: Sequence[Label], per_row: int = PER_ROW, per_column: int = PER_COLUMN) -> bytes:
    """Labels in reading order, ``per_row`` times ``per_column`` to a page; the sheet is divided evenly."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=1)
    width, height = A4[0] / per_row, A4[1] / per_column
    if not labels:
        canvas.showPage()
    for index, label in enumerate(labels):
        place = index % (per_row * per_column)
        if index and not place:
            canvas.showPage()
        row, column = divmod(place, per_row)
        _draw_label(canvas, label, column * width, A4[1] - (row + 1) * height, width, height)
    canvas.save()
    return target.getvalue()


def table_pdf(title: str, columns: Sequence[ListColumn], rows: Sequence[Sequence[str]], *, wide: bool = False) -> bytes:
    """A list with its header on every page, cells wrapped, "title  page / pages" below. ``wide``: landscape."""
    target = io.BytesIO()
    size = landscape(A4) if wide else A4
    document = SimpleDocTemplate(
        target,
        pagesize=size,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=title,
        invariant=1,
    )
    usable = size[0] - 2 * _MARGIN - 12  # the frame pads 6 points on either side
    total = sum(column.share for column in columns)
    cells = [[column.title for column in columns], *rows]
    table = LongTable(
        [[_paragraph(cell, 9) for cell in row] for row in cells],
        colWidths=[usable * column.share / total for column in columns],
        repeatRows=1,
    )
    table.setStyle(_GRID)
    document.build(
        [_paragraph(title, 15), table], canvasmaker=partial(_NumberedCanvas, footer=title, middle=size[0] / 2)
    )
    return target.getvalue()


def _paragraph(text: str, size: int) -> Paragraph:
    """Wrapped text of that size in points; markup in it is text."""
    font = LATIN if text.isascii() else CHINESE
    style = ParagraphStyle(
        font, fontName=font, fontSize=size, leading=size * 4 / 3, spaceAfter=size / 3, wordWrap="CJK"
    )
    return Paragraph(escape(text), style)


def _draw_label(canvas: Canvas, label: Label, x: float, y: float, width: float, height: float) -> None:
    inner = height - 2 * _INSET
    side = min(inner, (width - 2 * _INSET) * 0.42)
    text_width = width - 2 * _INSET - side - 2 * mm
    lines = ((label.gate_number, 0.42), (f"{label.building} {label.entrance}".strip(), 0.2), (label.round_code, 0.14))
    baseline = y + height - _INSET
    for text, part in lines:
        font = BOLD if text.isascii() else CHINESE
        baseline -= inner * part
        canvas.setFont(font, _fitting(text, font, inner * part, text_width))
        canvas.drawString(x + _INSET, baseline, text)
        baseline -= inner * 0.08
    _draw_qr(canvas, label.qr, x + width - _INSET - side, y + (height - side) / 2, side)


def _fitting(text: str, font: str, size: float, width: float) -> float:
    """The size in points, or a smaller one at which the text is no wider than ``width``."""
    return min(size, size * width / max(stringWidth(text, font, size), 1))


def _draw_qr(canvas: Canvas, value: str, x: float, y: float, side: float) -> None:
    """A QR code of error level M (15 % may be torn), its four modules of quiet zone within ``side``."""
    matrix = segno.make(value, error="m", micro=False).matrix
    module = side / (len(matrix) + 8)
    path = canvas.beginPath()
    for row, modules in enumerate(matrix):
        for column, dark in enumerate(modules):
            if dark:
                path.rect(x + (column + 4) * module, y + side - (row + 5) * module, module, module)
    canvas.drawPath(path, stroke=0, fill=1)


class _NumberedCanvas(Canvas):
    """Writes "title  page / pages" below every page, which is known only when all are drawn."""

    def __init__(self, *args: Any, footer: str, middle: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._footer, self._middle = footer, middle
        self._pages: list[dict[str, object]] = []

    def showPage(self) -> None:
        self._pages.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]

    def save(self) -> None:
        for number, page in enumerate(self._pages, 1):
            self.__dict__.update(page)
            self.setFont(CHINESE, 8)
            self.drawCentredString(self._middle, 7 * mm, f"{self._footer}  {number} / {len(self._pages)}")
            super().showPage()
        super().save()
