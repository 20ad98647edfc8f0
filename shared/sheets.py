"""Uploaded files as plain rows of text, whatever program wrote them: CSV in the usual encodings, or XLSX.

Rows come with the number that the spreadsheet shows. Nothing here trusts the file's name or its declared sizes.
"""

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import date, datetime, time
from itertools import islice
from typing import BinaryIO

from openpyxl import load_workbook

from shared.problems import FieldError, Invalid

MAX_BYTES = 32 * 2**20
MAX_UNPACKED_BYTES = 256 * 2**20
"""An XLSX of 200,000 rows unpacks to about half of this."""
MAX_ROW_NUMBER = 2**20
"""Excel's own; a file may claim any number and would make the reader count up to it."""
DELIMITERS = ",;\t"

_ZIP_END = 22 + 0xFFFF
"""Where the end record of a ZIP archive must begin: 22 bytes and a comment."""
_MAX_DIRECTORY = 2**18
_CHUNK = 2**20
_HEAD = 2**16
_CJK = re.compile(r"[\u2e80-\U0010ffff]")
_BOMS = (("utf-8-sig", codecs.BOM_UTF8), ("utf-16", codecs.BOM_UTF16_LE), ("utf-16", codecs.BOM_UTF16_BE))

RawRow = tuple[int, list[str]]


class BadTable(Invalid):
    """The whole file is refused; ``reason`` is the stable code of the one error at ``/file``."""

    def __init__(self, reason: str, zh: str, en: str, **params: object) -> None:
        self.reason = reason
        super().__init__((zh, en), errors=[FieldError("/file", reason, (zh, en), params=params)])


def raw_rows(file: BinaryIO, score: Callable[[list[str]], int]) -> Iterator[RawRow]:
    """The rows of a seekable file, numbered from 1. ``score`` says how much a row looks like the header.

    Raises BadTable: ``file_too_large``, ``old_excel``, ``bad_xlsx``, ``too_many_rows``, ``binary_file``,
    ``unknown_encoding``, ``bad_csv``.
    """
    size = file.seek(0, io.SEEK_END)
    if size > MAX_BYTES:
        raise BadTable("file_too_large", "文件不能超过 32 MiB。", "The file is larger than 32 MiB.", max=MAX_BYTES)
    file.seek(0)
    magic = file.read(8)
    if magic.startswith(b"\xd0\xcf\x11\xe0"):
        raise BadTable(
            "old_excel",
            "旧版 Excel(.xls)或加密文件, 请另存为不加密的 .xlsx。",
            "This is an old (.xls) or encrypted Excel file; save it as .xlsx without a password.",
        )
    return _xlsx_rows(file) if magic.startswith(b"PK") else _csv_rows(file, score)


def encoding_of(file: BinaryIO) -> str:
    """How a text file is encoded: by its BOM, else UTF-8 where it is valid and sensible, else GB18030.

    Short Chinese text in GB18030 can happen to be valid UTF-8. It then reads as Latin or Arabic letters, without one
    Chinese character, while every character is a common one in GB2312: that is what was meant. Raises BadTable
    ``binary_file``, ``unknown_encoding``.
    """
    file.seek(0)
    start = file.read(4)
    for name, bom in _BOMS:
        if start.startswith(bom):
            return name
    utf8, chinese = _decodes(file, "utf-8")
    if utf8 and chinese:
        return "utf-8"
    if _decodes(file, "gb2312") == (True, True):
        return "gb18030"
    if utf8:
        return "utf-8"
    if _decodes(file, "gb18030")[0]:
        return "gb18030"
    raise BadTable(
        "unknown_encoding", "文字编码无法识别, 请另存为 UTF-8。", "The text encoding is unknown; save it as UTF-8."
    )


def _decodes(file: BinaryIO, encoding: str) -> tuple[bool, bool]:
    """Whether the whole file is valid in that encoding, and whether Chinese characters come out."""
    file.seek(0)
    decoder, chinese = codecs.getincrementaldecoder(encoding)(), False
    try:
        while chunk := file.read(_CHUNK):
            if b"\0" in chunk:
                raise BadTable("binary_file", "这不是 CSV 或 XLSX 文件。", "This is neither a CSV nor an XLSX file.")
            text = decoder.decode(chunk)
            chinese = chinese or _CJK.search(text) is not None
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False, False
    return True, chinese


def _csv_rows(file: BinaryIO, score: Callable[[list[str]], int]) -> Iterator[RawRow]:
    encoding = encoding_of(file)
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    number = 0
    try:
        delimiter = _delimiter(text.read(_HEAD), score)
        text.seek(0)
        for number, cells in enumerate(csv.reader(text, delimiter=delimiter, strict=True), 1):
            yield number, cells
    except csv.Error as error:
        raise BadTable(
            "bad_csv",
            f"第 {number + 1} 行的引号或内容不完整。",
            f"Row {number + 1} has an unfinished quote or a cell that is too long.",
            row=number + 1,
        ) from error
    except UnicodeDecodeError as error:
        raise BadTable(
            "unknown_encoding", "文字编码前后不一致。", "The text encoding changes within the file."
        ) from error
    finally:
        with suppress(ValueError):  # the caller has closed the file already
            text.detach()


def _delimiter(head: str, score: Callable[[list[str]], int]) -> str:
    """The delimiter under which one of the first rows looks most like the header; the one with most cells on a tie."""

    def best(delimiter: str) -> tuple[int, int]:
        rows = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
        try:
            return max(((score(row), len(row)) for row in islice(rows, 10)), default=(0, 0))
        except csv.Error:
            return 0, 0

    return max(DELIMITERS, key=best)


def _xlsx_rows(file: BinaryIO) -> Iterator[RawRow]:
    """The first worksheet; formulas as the text they are written in."""
    _refuse_zip_bomb(file)
    try:
        with closing(load_workbook(file, read_only=True, keep_links=False)) as book:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()
            for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
                if number > MAX_ROW_NUMBER:
                    raise BadTable("too_many_rows", "行数过多。", "There are too many rows.", max=MAX_ROW_NUMBER)
                yield number, [_text(cell) for cell in cells]
    except BadTable:
        raise
    except Exception as error:  # a damaged file makes the library raise almost anything
        raise _bad_xlsx() from error


def _refuse_zip_bomb(file: BinaryIO) -> None:
    """Raises BadTable unless this is a workbook of bounded size. Unpacking stops at the sizes declared here."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _ZIP_END))
    tail = file.read()
    directory = tail[at + 12 : at + 16] if (at := tail.rfind(b"PK\x05\x06")) >= 0 else b""
    if len(directory) < 4 or int.from_bytes(directory, "little") > _MAX_DIRECTORY:
        raise _bad_xlsx()
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise _bad_xlsx() from error
    if "xl/workbook.xml" not in {member.filename for member in members}:
        raise _bad_xlsx()
    too_large = any(member.file_size > _part_limit(member.filename) for member in members)
    if too_large or sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise BadTable(
            "file_too_large",
            "文件解压后过大。",
            "The file is too large once it is unpacked.",
            max=MAX_UNPACKED_BYTES,
        )


def _part_limit(name: str) -> int:
    """Bytes of one part: worksheets are streamed, shared strings become a list, all other XML becomes a tree."""
    if name.startswith("xl/worksheets/") or not name.endswith((".xml", ".rels")):
        return MAX_UNPACKED_BYTES
    return MAX_UNPACKED_BYTES // 4 if name == "xl/sharedStrings.xml" else MAX_UNPACKED_BYTES // 32


def _bad_xlsx() -> BadTable:
    return BadTable("bad_xlsx", "文件已损坏或不是 XLSX 文件。", "The file is damaged, or no XLSX file.")


def _text(cell: object) -> str:
    """What the cell shows, as near as text can be. Excel keeps 15 digits: longer numbers are shown as it shows them."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        return f"{cell:.14E}" if abs(cell) >= 1e15 else f"{cell:.15g}"
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ", "seconds")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(getattr(cell, "text", cell))
