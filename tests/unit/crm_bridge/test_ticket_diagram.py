import re
from pathlib import Path

from crm_bridge.tickets.diagram import mermaid
from crm_bridge.tickets.rules import TRANSITIONS

ARCHITECTURE = Path(__file__).parents[3] / "ARCHITECTURE.md"
SECTION = re.compile(
    r"<!-- ticket-life -->\n```mermaid\n(.*?)```\n<!-- /ticket-life -->", re.DOTALL
)


def test_diagram_has_an_arrow_for_every_pair_of_states_in_the_table() -> None:
    pairs = {(before or "[*]", after) for (before, _), after in TRANSITIONS.items()}
    drawn = set(re.findall(r"^    (\S+) --> (\w+):", mermaid(), re.MULTILINE))
    assert drawn == pairs


def test_diagram_in_the_documentation_is_the_one_made_from_the_table() -> None:
    found = SECTION.search(ARCHITECTURE.read_text(encoding="utf-8"))
    assert found, "ARCHITECTURE.md has no section between the ticket-life markers"
    assert found[1] == mermaid(), (
        "run: python -c 'from crm_bridge.tickets.diagram import mermaid; print(mermaid())'"
    )
