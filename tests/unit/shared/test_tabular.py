"""Real files, as Excel, WPS and chat exports write them, and files that want to do harm."""

import io
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from shared.sheets import BadTable, encoding_of
from shared.tabular import Cell, Column, Row, read_table, write_csv, write_xlsx

COLUMNS = (
    Column("name", ("姓名", "志愿者姓名")),
    Column("phone", ("手机号", "手机", "联系电话")),
    Column("note", ("备注",), required=False),
)
pytestmark = pytest.mark.feature("R14")


def read(content: bytes, columns: Sequence[Column] = COLUMNS) -> list[Row]:
    return list(read_table(io.BytesIO(content), columns).rows)


def refusal(content: bytes) -> BadTable:
    with pytest.raises(BadTable) as caught:
        read(content)
    assert caught.value.status == 422
    assert caught.value.errors[0].code == caught.value.reason
    return caught.value


def xlsx(*rows: Sequence[object], title: str = "Sheet") -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_encoding_and_delimiter(encoding: str, delimiter: str, newline: str) -> None:
    lines = [["姓名", "手机号", "备注"], ["王小明", "13800138000", "三楼, 左边; 按铃" if delimiter == "\t" else "三楼"]]
    rows = read(newline.join(delimiter.join(line) for line in lines).encode(encoding))
    assert rows == [Row(2, {"name": "王小明", "phone": "13800138000", "note": lines[1][2]})]


@pytest.mark.parametrize(
    ("text", "written", "found"),
    [
        ("name,phone\n联通,1", "gb18030", "gb18030"),
        ("name,phone\n茅路,1", "gb18030", "gb18030"),
        ("name,phone\n茅路,1", "utf-8", "utf-8"),
        ("name,qty\nA×2,1", "utf-8", "utf-8"),
        ("name,phone\nWang,1", "ascii", "utf-8"),
        ("name\n㐀𠀀", "gb18030", "gb18030"),
    ],
)
def test_encodings_that_look_alike(text: str, written: str, found: str) -> None:
    assert encoding_of(io.BytesIO(text.encode(written))) == found


@given(st.text(st.characters(codec="gb2312", exclude_categories=["Cc"]), min_size=1))
def test_chinese_text_is_read_as_it_was_written(text: str) -> None:
    content = f"姓名:{text}"
    for encoding in ("utf-8", "gb18030"):
        assert content.encode(encoding).decode(encoding_of(io.BytesIO(content.encode(encoding)))) == content


def test_headers_in_either_language_with_remarks() -> None:
    rows = read(" Name ,手机号*（必填）,序号\n王,13800138000,1\n".encode())
    assert rows == [Row(2, {"note": "", "name": "王", "phone": "13800138000"})]


def test_unknown_headers_are_named() -> None:
    table = read_table(io.BytesIO("序号,姓名,手机\n1,王,2\n".encode()), COLUMNS)
    assert table.ignored == ("序号",)
    assert table.columns == ("name", "phone")


def test_a_title_above_the_header_and_empty_rows_keep_their_numbers() -> None:
    content = xlsx(["常青花园志愿者名单"], [], ["姓名", "手机号"], [None, " "], ["王", 13800138000])
    assert read(content) == [Row(5, {"note": "", "name": "王", "phone": "13800138000"})]
    assert read("志愿者名单,\n姓名,手机号\n,\n王,1\n".encode())[0].number == 4


def test_cells_of_every_kind_become_text() -> None:
    header = [str(i) for i in range(9)]
    cells = [1, 2.5, 0.1, 70.0, True, date(2020, 2, 17), datetime(2020, 2, 17, 18, 30), time(9, 5), "=A1+B1"]  # noqa: DTZ001
    rows = read(xlsx(header, cells), [Column(name) for name in header])
    shown = ["1", "2.5", "0.1", "70", "TRUE", "2020-02-17", "2020-02-17 18:30:00", "09:05:00", "=A1+B1"]
    assert list(rows[0].values.values()) == shown


def test_numbers_that_excel_has_rounded_are_named() -> None:
    for content in (xlsx(["姓名", "手机号"], ["王", 420112199001011234]), "姓名,手机号\n王,4.20112E+17\n".encode()):
        (row,) = read(content)
        assert [(one.pointer, one.code) for one in row.problems] == [("/rows/2/phone", "digits_lost")]


def test_a_row_with_too_many_cells_is_named() -> None:
    rows = read("姓名,手机号\n王,1,,\n李,3栋,401,2\n".encode())
    assert rows[0].problems == ()
    assert [(one.pointer, one.code) for one in rows[1].problems] == [("/rows/3", "extra_cells")]


def test_quotes_and_newlines_inside_a_cell() -> None:
    assert read('姓名,手机号,备注\n"王,小""明",1,"第一行\n第二行"\n'.encode())[0].values == {
        "name": '王,小"明',
        "phone": "1",
        "note": "第一行\n第二行",
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no_header"),
        ("甲,乙\n1,2\n".encode(), "no_header"),
        ("姓名\n王\n".encode(), "missing_column"),
        ("姓名,手机,联系电话\n王,1,2\n".encode(), "duplicate_column"),
        ('姓名,手机号\n"王,1\n'.encode(), "bad_csv"),
        ('姓名,手机号\n"王"x,1\n'.encode(), "bad_csv"),
        ("姓名,手机号\n".encode() + b"x" * 200_000, "bad_csv"),
        ("姓名,手机号\n".encode() + b"\xff\xff", "unknown_encoding"),
        (b"\x00\x01\x02\x03", "binary_file"),
        (b"\x89PNG\r\n\x1a\n\x00", "binary_file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old_excel"),
        (b"PK\x03\x04", "bad_xlsx"),
        (xlsx(["姓名"], ["王"]), "missing_column"),
        (xlsx(), "no_header"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_bad_files_say_why(content: bytes, reason: str) -> None:
    assert refusal(content).reason == reason


def test_a_broken_row_is_named() -> None:
    assert refusal('姓名,手机号\n王,1\n"李,2\n'.encode()).errors[0].params == {"row": 3}


def test_too_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.tabular.MAX_ROWS", 3)
    assert len(read("姓名,手机号\n".encode() + b"a,1\n" * 3)) == 3
    assert refusal("姓名,手机号\n".encode() + b"a,1\n" * 4).reason == "too_many_rows"


def test_a_file_too_large_is_not_read() -> None:
    assert refusal(b"a,b\n" * (8 * 2**20 + 1)).reason == "file_too_large"


def _repacked(content: bytes, name: str, data: bytes) -> bytes:
    """The workbook with one part replaced."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, data if part == name else old.read(part))
        if name not in old.namelist():
            new.writestr(name, data)
    return file.getvalue()


GOOD = xlsx(["姓名", "手机号"], ["王", "13800138000"])


@pytest.mark.parametrize("part", ["xl/styles.xml", "xl/theme/theme1.xml", "docProps/core.xml"])
def test_a_zip_bomb_is_not_unpacked(part: str) -> None:
    bomb = _repacked(GOOD, part, bytes(9 * 2**20))
    assert len(bomb) < 100_000
    assert refusal(bomb).reason == "file_too_large"


def test_parts_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.sheets.MAX_UNPACKED_BYTES", 2**20)
    assert read(GOOD)
    assert refusal(_repacked(GOOD, "xl/media/image1.png", bytes(2**20))).reason == "file_too_large"


def test_a_directory_of_a_hundred_thousand_parts_is_not_read() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for i in range(10_000):
            archive.writestr(str(i), b"")
    assert refusal(file.getvalue()).reason == "bad_xlsx"


def test_a_row_that_claims_a_huge_number_does_not_stall() -> None:
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1" t="inlineStr"><is><t>姓名</t></is></c>'
        '<c r="B1" t="inlineStr"><is><t>手机号</t></is></c></row>'
        '<row r="99999999999"><c r="A99999999999" t="inlineStr"><is><t>x</t></is></c></row></sheetData></worksheet>'
    )
    assert refusal(_repacked(GOOD, "xl/worksheets/sheet1.xml", sheet.encode())).reason == "too_many_rows"


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255), st.booleans())
def test_a_damaged_workbook_never_fails_otherwise(position: int, change: int, cut: bool) -> None:
    damaged = bytearray(GOOD[: position + 1] if cut else GOOD)
    damaged[position] ^= change
    with suppress(BadTable):
        read(bytes(damaged))


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("=+-@\t\n'＝＠\""), max_size=20)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_csv_reads_back(rows: list[tuple[str, str]]) -> None:
    file = io.BytesIO()
    write_csv(file, ["姓名", "手机号"], rows)
    assert file.getvalue().startswith(b"\xef\xbb\xbf")
    expected = [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]
    assert [[row.values["name"], row.values["phone"]] for row in read(file.getvalue())] == expected


@pytest.mark.parametrize("start", list("=+-@＝＋－＠"))
def test_no_text_is_a_formula_in_a_csv(start: str) -> None:
    file = io.BytesIO()
    write_csv(file, ["name"], [[f"{start}1+1"], [f" {start}cmd"], [-5]])
    lines = file.getvalue().decode("utf-8-sig").split("\r\n")
    assert lines[1:3] == [f"'{start}1+1", f"'{start}cmd"]
    assert lines[3] == "-5"


def test_xlsx_reads_back_and_holds_no_formula() -> None:
    file = io.BytesIO()
    rows: list[list[Cell]] = [["=1+1", "13800138000"], ["王\x07小明", 5], [None, 10**17], [date(2020, 2, 17), "x"]]
    write_xlsx(file, "名单[1]/2", ["姓名", "手机号"], rows)
    assert [(row.values["name"], row.values["phone"]) for row in read(file.getvalue())] == [
        ("=1+1", "13800138000"),
        ("王小明", "5"),
        ("", "100000000000000000"),
        ("2020-02-17", "x"),
    ]
    sheet = load_workbook(file).active
    assert sheet is not None
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "inlineStr", "n"}


def test_instants_are_written_in_chinas_time() -> None:
    file = io.BytesIO()
    write_csv(file, ["at"], [[datetime(2020, 2, 17, 10, tzinfo=UTC)]])
    assert "2020-02-17 18:00:00" in file.getvalue().decode("utf-8-sig")


def test_the_callers_file_stays_open() -> None:
    file = io.BytesIO("姓名,手机号\n王,1\n李,2\n".encode())
    rows = read_table(file, COLUMNS).rows
    next(rows)
    del rows
    assert not file.closed
    closed = read_table(file, COLUMNS).rows
    file.close()
    del closed
