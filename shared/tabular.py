"""Tables that people upload and download: CSV and XLSX with headers in Chinese or English.

Reading is streamed; errors of the file refuse it whole (BadTable), errors of a row stay with the row, so that an import
can name them all and apply nothing. Writing keeps spreadsheets from taking a text for a formula (OWASP, CSV injection).
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import BinaryIO

from openpyxl import Workbook
from openpyxl.cell import Cell as XlsxCell
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from shared.clock import SHANGHAI
from shared.problems import FieldError
from shared.sheets import BadTable, RawRow, raw_rows

__all__ = ["BadTable", "Cell", "Column", "Row", "Table", "read_table", "write_csv", "write_xlsx"]

MAX_ROWS = 200_000
_HEADER_WITHIN = 10
_REMARK = re.compile(r"\([^)]*\)|\[[^]]*\]|[\s_*-]+")
_ROUNDED = re.compile(r"-?\d\.?\d*[Ee]\+\d{2,}")
_FORMULA = re.compile(r"'*\s*[=+\-@\t\r\n＝＋－＠]")

Cell = str | int | date | None


@dataclass(frozen=True)
class Column:
    """A column that is wanted: its name in code, and what people write above it in either language."""

    name: str
    aliases: tuple[str, ...] = ()
    required: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """One row: ``number`` as the spreadsheet shows it, ``values`` by column name (stripped; "" where empty).

    ``problems`` are what the reader itself saw, with pointers ``/rows/<number>/<column>``: ``digits_lost`` (a long
    number that Excel has rounded), ``extra_cells`` (cells beyond the header: a delimiter inside a value).
    """

    number: int
    values: dict[str, str]
    problems: tuple[FieldError, ...] = ()


@dataclass(frozen=True)
class Table:
    """An opened file. ``ignored`` are the headers that nothing was known about; ``rows`` can be read once."""

    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    rows: Iterator[Row]


def read_table(file: BinaryIO, columns: Sequence[Column]) -> Table:
    """Opens a seekable file whose header is among its first ten rows.

    Raises BadTable here or while rows are read: what ``raw_rows`` raises, and ``no_header``, ``missing_column``,
    ``duplicate_column``, ``too_many_rows``.
    """
    names = {_plain(text): column.name for column in columns for text in (column.name, *column.aliases)}

    def known(cells: list[str]) -> list[str | None]:
        return [names.get(_plain(cell)) for cell in cells]

    source = raw_rows(file, lambda cells: sum(name is not None for name in known(cells)))
    first = list(islice(source, _HEADER_WITHIN))
    at = max(range(len(first)), key=lambda i: sum(name is not None for name in known(first[i][1])), default=None)
    if at is None or not any(known(first[at][1])):
        wanted = [column.name for column in columns]
        raise BadTable("no_header", "没有找到表头。", "There is no header with the wanted columns.", columns=wanted)
    header = known(first[at][1])
    _check_header(header, columns)
    ignored = tuple(cell.strip() for cell, name in zip(first[at][1], header, strict=True) if cell.strip() and not name)
    found = tuple(name for name in header if name)
    optional = [column.name for column in columns if column.name not in found]
    return Table(found, ignored, _rows(first[at + 1 :], source, header, optional))


def _check_header(header: list[str | None], columns: Sequence[Column]) -> None:
    missing = [column.name for column in columns if column.required and column.name not in header]
    if missing:
        text = "、".join(
            column.aliases[0] if column.aliases else column.name for column in columns if column.name in missing
        )
        raise BadTable(
            "missing_column", f"缺少列: {text}。", f"Columns are missing: {', '.join(missing)}.", columns=missing
        )
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise BadTable("duplicate_column", "有重复的列。", f"Columns come twice: {', '.join(twice)}.", columns=twice)


def _rows(first: list[RawRow], rest: Iterator[RawRow], header: list[str | None], optional: list[str]) -> Iterator[Row]:
    count = 0
    for part in (first, rest):
        for number, cells in part:
            if not any(cell.strip() for cell in cells):
                continue
            count += 1
            if count > MAX_ROWS:
                raise BadTable("too_many_rows", "最多 200000 行。", "There are more than 200,000 rows.", max=MAX_ROWS)
            yield _row(number, cells, header, optional)


def _row(number: int, cells: list[str], header: list[str | None], optional: list[str]) -> Row:
    values = dict.fromkeys(optional, "")
    for index, name in enumerate(header):
        if name:
            values[name] = _value(cells[index]) if index < len(cells) else ""
    problems = [
        _problem(
            number,
            name,
            "digits_lost",
            "长数字已被 Excel 舍入, 请设为文本后重填",
            "Excel has rounded this; enter it as text",
        )
        for name, value in values.items()
        if _ROUNDED.fullmatch(value)
    ]
    if any(cell.strip() for cell in cells[len(header) :]):
        problems.append(
            _problem(number, None, "extra_cells", "本行的列数多于表头", "The row has more cells than the header")
        )
    return Row(number, values, tuple(problems))


def _problem(number: int, column: str | None, code: str, zh: str, en: str) -> FieldError:
    return FieldError(f"/rows/{number}" + (f"/{column}" if column else ""), code, (zh, en))


def _plain(header: str) -> str:
    """A header without what varies: width, case, spaces, stars, remarks in brackets."""
    return _REMARK.sub("", unicodedata.normalize("NFKC", header)).casefold()


def _value(cell: str) -> str:
    """The stripped text, without the quote that ``write_csv`` puts before what looks like a formula."""
    text = cell.strip()
    return text[1:].strip() if text.startswith("'") and _FORMULA.match(text, 1) else text


def write_csv(file: BinaryIO, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """UTF-8 with BOM and CRLF, so that Excel shows Chinese. Texts that look like formulas get a leading quote."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    try:
        writer = csv.writer(text)
        writer.writerow([_guarded(one) for one in header])
        writer.writerows(
            [_shown(cell) if isinstance(cell, int) else _guarded(_shown(cell)) for cell in row] for row in rows
        )
    finally:
        text.detach()


def write_xlsx(file: BinaryIO, title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """One sheet with a frozen header. Integers up to 15 digits are numbers, all else is text and never a formula."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", title)[:31])
    sheet.freeze_panes = "A2"

    def cell(value: Cell) -> XlsxCell:
        if isinstance(value, int) and abs(value) < 10**15:
            return WriteOnlyCell(sheet, value)
        made = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", _shown(value)))
        made.data_type, made.number_format = "s", "@"
        return made

    sheet.append([cell(one) for one in header])
    for row in rows:
        sheet.append([cell(one) for one in row])
    book.save(file)


def _shown(cell: Cell) -> str:
    """The cell as people read it; instants in China's time."""
    if isinstance(cell, datetime):
        return cell.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, date):
        return cell.isoformat()
    return "" if cell is None else str(cell).strip()


def _guarded(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text
