"""Labels and lists: readable, complete, and without names or flats."""

import dataclasses
import io

import pytest
import segno
from pypdf import PdfReader

from shared.paper import Label, ListColumn, label_sheet, table_pdf

pytestmark = pytest.mark.feature("O10")

COLUMNS = [ListColumn("闸口号"), ListColumn("楼栋", 2), ListColumn("商品 & <数量>", 4)]


def _label(number: int) -> Label:
    return Label(f"A-{number}", f"{number % 9 + 1}栋", "2单元", "000421", f"0195f3c0-1111-7111-8111-{number:012}")


def _pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def test_a_label_says_where_to_and_nothing_of_whom() -> None:
    (page,) = _pages(label_sheet([_label(17)]))
    assert page.split() == ["A-17", "9栋", "2单元", "000421"]
    assert {field.name for field in dataclasses.fields(Label)} == {
        "gate_number",
        "building",
        "entrance",
        "round_code",
        "qr",
    }


def test_twenty_four_labels_fill_a_page() -> None:
    pages = _pages(label_sheet([_label(i) for i in range(50)]))
    assert [page.count("A-") for page in pages] == [24, 24, 2]
    assert [page.count("A-") for page in _pages(label_sheet([_label(i) for i in range(9)], 2, 4))] == [8, 1]


def test_no_labels_are_an_empty_sheet() -> None:
    assert _pages(label_sheet([])) == [""]


def test_the_qr_code_is_drawn_module_by_module() -> None:
    """Dark modules of the symbol = filled squares on the page."""
    label = _label(1)
    dark = sum(sum(1 for one in row if one) for row in segno.make(label.qr, error="m", micro=False).matrix)
    contents = PdfReader(io.BytesIO(label_sheet([label]))).pages[0].get_contents()
    assert contents is not None
    assert contents.get_data().count(b" re") == dark


def test_long_texts_shrink_into_their_label() -> None:
    long = Label("A-1234567890", "常青花园二社区第八十八栋", "东侧二单元", "000421", "x")
    assert "常青花园二社区第八十八栋" in _pages(label_sheet([long]))[0]


def test_a_list_repeats_its_header_and_numbers_its_pages() -> None:
    rows = [[f"A-{i}", "8栋2单元", f"A 套餐 × {i}, 特价蔬菜包 × 1"] for i in range(200)]
    pages = _pages(table_pdf("拣货单 000421", COLUMNS, rows))
    assert len(pages) > 3
    for number, page in enumerate(pages, 1):
        assert "商品 & <数量>" in page
        assert f"拣货单 000421  {number} / {len(pages)}" in page
    assert all(any(f"A-{i}" in page for page in pages) for i in range(200))


def test_long_cells_wrap_and_markup_is_text() -> None:
    (page,) = _pages(table_pdf("<b>单</b>", COLUMNS, [["A-1", "8栋", "不要香菜" * 30 + "</para>&"]], wide=True))
    assert "<b>单</b>" in page
    assert "".join(page.split()).count("不要香菜") == 30
    assert "</para>&" in "".join(page.split())


def test_the_same_list_gives_the_same_bytes() -> None:
    assert table_pdf("单", COLUMNS, [["1", "2", "3"]]) == table_pdf("单", COLUMNS, [["1", "2", "3"]])
    assert label_sheet([_label(1)]) == label_sheet([_label(1)])


def test_an_empty_list_is_its_header() -> None:
    (page,) = _pages(table_pdf("单", COLUMNS, []))
    assert "楼栋" in page
