from hypothesis import given, settings
from hypothesis import strategies as st

from crm_bridge.suggestions.features import LONGEST, SHORTEST, Vocabulary, pairs, runs, runs_of

LETTERS = st.sampled_from("停水没电暖气")


def test_figures_and_signs_part_the_runs_and_are_dropped() -> None:
    assert runs("我家138-0001-5121停水了！ＥＴＣ扣2次") == ["我家", "停水了", "etc扣", "次"]


@settings(deadline=None)
@given(st.text())
def test_no_figure_of_a_text_is_ever_counted(text: str) -> None:
    assert not any(sign.isdecimal() for run in runs(text) for sign in run)


def test_title_counts_twice() -> None:
    assert runs_of("停水", "没水") == ["停水", "停水", "没水"]


def test_pairs_do_not_span_runs() -> None:
    assert list(pairs(["停水了", "没电"])) == ["停水", "水了", "没电"]


@settings(deadline=None)
@given(
    st.sets(st.text(LETTERS, min_size=SHORTEST, max_size=LONGEST)),
    st.lists(st.text(LETTERS, max_size=30)),
)
def test_every_term_is_counted_wherever_it_stands(terms: set[str], texts: list[str]) -> None:
    vocabulary = Vocabulary(sorted(terms))
    counted = {vocabulary.terms[n]: count for n, count in vocabulary.count(texts).items()}
    expected = {
        term: sum(text.startswith(term, start) for text in texts for start in range(len(text)))
        for term in terms
    }
    assert counted == {term: count for term, count in expected.items() if count}
