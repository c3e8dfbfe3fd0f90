from hypothesis import given
from hypothesis import strategies as st

from crm_bridge.supervision.documents import layout
from crm_bridge.supervision.documents.layout import balanced, break_lines

SIGNS = st.text(alphabet="甲乙丙丁，。、；：？！（）《》“”〔〕abc019-—%… ", max_size=200)


def measure(text: str) -> float:
    return sum(10.0 if ord(sign) > 0xFF else 5.0 for sign in text)


@given(SIGNS, st.integers(30, 300), st.sampled_from([0.0, 20.0]))
def test_no_sign_is_lost_and_no_line_is_too_wide(text: str, width: int, first: float) -> None:
    lines = break_lines(text, width, measure, first=first)
    assert "".join(line.text for line in lines) == text
    for place, line in enumerate(lines):
        assert measure(line.text) <= width - line.indent + 0.01
        assert line.indent == (first if place == 0 else 0.0)
        assert line.spread >= -0.01
    assert lines[-1].spread == 0.0


def test_closing_marks_begin_no_line_and_opening_ones_end_none() -> None:
    lines = break_lines("甲乙丙丁，戊己（庚）辛壬癸。", 40, measure)
    assert [line.text for line in lines][:3] == ["甲乙丙", "丁，戊己", "（庚）辛"]
    assert all(line.text[0] not in "，。）" and line.text[-1] != "（" for line in lines)


def test_numbers_and_latin_words_stay_whole() -> None:
    lines = break_lines("第20260302-000001号", 80, measure)
    assert [line.text for line in lines] == ["第", "20260302-000001", "号"]


def test_a_word_wider_than_a_line_is_broken_after_all() -> None:
    lines = break_lines("a" * 100, 50, measure)
    assert [len(line.text) for line in lines] == [10] * 10


def test_lines_but_the_last_end_flush() -> None:
    first, *_ = break_lines("甲乙丙丁戊己庚辛", 45, measure)
    assert measure(first.text) + (len(first.text) - 1) * first.spread == 45


def test_a_title_is_broken_between_its_parts_as_evenly_as_can_be() -> None:
    parts = ("关于限期办理", "第一号", "诉求的", "督办通知")
    assert balanced(parts, 1000, measure) == ["关于限期办理第一号诉求的督办通知"]
    assert balanced(parts, 120, measure) == ["关于限期办理第一号", "诉求的督办通知"]
    assert balanced(("甲" * 9,), 40, measure) == ["甲甲甲甲", "甲甲甲甲", "甲"]


def test_twenty_two_lines_of_twenty_eight_signs_fill_the_type_area() -> None:
    assert layout.LINES_A_PAGE * layout.LEADING <= layout.HEIGHT
    assert (layout.LINES_A_PAGE + 1) * layout.LEADING > layout.HEIGHT
    drawn = layout.SIGNS_A_LINE * (layout.SIZE_3 + layout.NARROWER)
    assert abs(drawn - layout.WIDTH) < 0.01
