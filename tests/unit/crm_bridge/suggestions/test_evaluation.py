import csv
import io
from collections import Counter

import pytest

from crm_bridge.sheets.reading import read
from crm_bridge.suggestions.adviser import Adviser
from crm_bridge.suggestions.evaluation import COLUMNS, evaluate, labelled
from crm_bridge.suggestions.rules import Question
from crm_bridge.suggestions.shipped import (
    examples_to_learn,
    file_to_test,
    shipped_matters,
    shipped_units,
)
from infra.kit.errors import Invalid

CODES = [unit.code for unit in shipped_units()]
HEAD = "title,text,address,category,unit\n"


def questions(text: str) -> list[tuple[Question, str]]:
    return list(labelled(read(text.encode(), COLUMNS), CODES))


def test_shipped_set_is_answered_as_well_as_is_claimed(adviser: Adviser) -> None:
    found = evaluate(adviser, labelled(read(file_to_test(), COLUMNS), CODES))
    assert found.asked >= 300
    assert found.first / found.asked >= 0.80
    assert found.shown / found.asked >= 0.93


def test_catalogue_alone_is_worse_than_with_what_was_learned(adviser: Adviser) -> None:
    asked = labelled(read(file_to_test(), COLUMNS), CODES)
    alone = Adviser(shipped_units(), shipped_matters(), None)
    assert evaluate(alone, asked).first < evaluate(adviser, asked).first


def test_scores_are_about_as_sure_as_they_are_right(adviser: Adviser) -> None:
    asked = labelled(read(file_to_test(), COLUMNS), CODES)
    first = [(adviser.suggest(question)[:1], unit) for question, unit in asked]
    scored = [(found[0].score, found[0].unit == unit) for found, unit in first if found]
    sure = sum(score for score, _ in scored) / len(scored)
    right = sum(was for _, was in scored) / len(scored)
    assert sure == pytest.approx(right, abs=0.1)
    very_sure = [was for score, was in scored if score >= 0.9]
    unsure = [was for score, was in scored if score < 0.5]
    assert sum(very_sure) / len(very_sure) > 0.9 > sum(unsure) / len(unsure) + 0.1


def test_nothing_that_is_tested_was_learned() -> None:
    learned = {(one.title, one.text) for one, _ in examples_to_learn()}
    tested = [(one.title, one.text) for one, _ in labelled(read(file_to_test(), COLUMNS), CODES)]
    assert len(set(tested)) == len(tested)
    assert not learned & set(tested)


def test_every_unit_that_ships_is_learned_and_tested() -> None:
    tested = Counter(unit for _, unit in labelled(read(file_to_test(), COLUMNS), CODES))
    learned = Counter(unit for _, unit in examples_to_learn())
    assert set(tested) == set(learned) == set(CODES)


def test_answers_are_counted_by_unit(adviser: Adviser) -> None:
    text = (
        HEAD
        + "暖气不热,家里暖气不热,,3004,GRGS\n"
        + "停水,没水了,,3001,GRGS\n"
        + "停电,没电了,,3002,GJDW\n"
    )
    found = evaluate(adviser, questions(text))
    assert (found.asked, found.first) == (3, 2)
    heating = found.by_unit["GRGS"]
    assert (heating.asked, heating.first) == (2, 1)
    assert heating.mistaken == Counter({"GSGS": 1})
    assert found.by_unit["GJDW"].first == 1


def test_every_wrong_row_of_a_file_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        questions(HEAD + "a,b,c,d,NOPE\nok,b,c,d,GRGS\nx,y,z,,\n")
    assert [one.pointer for one in refused.value.fields] == ["/rows/2/unit", "/rows/4/unit"]


def test_file_without_rows_is_refused() -> None:
    with pytest.raises(Invalid):
        questions(HEAD)


def test_shipped_catalogue_names_units_and_categories_that_ship() -> None:
    matters = shipped_matters()
    assert len(matters) >= 200
    assert {code for one in matters for code in one.units()} <= set(CODES)
    assert {one.unit for one in matters} == set(CODES)
    with_exceptions = [one for one in matters if one.exemptions]
    assert len(with_exceptions) >= 80
    rows = list(csv.DictReader(io.StringIO(file_to_test().decode())))
    assert len(rows) == len({row["text"] for row in rows})
