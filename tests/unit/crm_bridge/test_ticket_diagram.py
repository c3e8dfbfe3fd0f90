import re
from pathlib import Path

from crm_bridge.tickets.assignment import ASSIGNMENT_TRANSITIONS
from crm_bridge.tickets.diagram import assignment_mermaid, chapter, mermaid, staying
from crm_bridge.tickets.rules import TRANSITIONS
from crm_bridge.tickets.vocabulary import EVENT_WORDS

ARCHITECTURE = Path(__file__).parents[3] / "ARCHITECTURE.md"
SECTION = re.compile(r"<!-- ticket-life -->\n(.*?)\n<!-- /ticket-life -->", re.DOTALL)
ARROW = re.compile(r"^    (\S+) --> (\w+):", re.MULTILINE)


def test_diagram_has_an_arrow_for_every_move_in_the_table() -> None:
    pairs = {(before or "[*]", after) for (before, _), after in TRANSITIONS.items()}
    assert set(ARROW.findall(mermaid())) == {(a, b) for a, b in pairs if a != b}


def test_diagram_of_assignments_has_an_arrow_for_every_pair_in_their_table() -> None:
    pairs = {(before or "[*]", after) for (before, _), after in ASSIGNMENT_TRANSITIONS.items()}
    assert set(ARROW.findall(assignment_mermaid())) == pairs


def test_what_moves_nothing_is_listed() -> None:
    for (before, event), after in TRANSITIONS.items():
        if before is after:
            assert EVENT_WORDS[event].zh in staying()


def test_chapter_in_the_documentation_is_the_one_made_from_the_tables() -> None:
    found = SECTION.search(ARCHITECTURE.read_text(encoding="utf-8"))
    assert found, "ARCHITECTURE.md has no section between the ticket-life markers"
    assert found[1] == chapter(), "run: python -m infra.run.docs"
