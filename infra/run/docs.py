"""Writes what is generated from the code: the example settings and the diagrams. `make docs` runs it."""

from __future__ import annotations

import re
from pathlib import Path

from crm_bridge.tickets.diagram import chapter
from infra.run.example import render as render_example

_ROOT = Path(__file__).parents[2]


def architecture(text: str) -> str:
    """Return the architecture page with its generated parts made anew."""
    diagram = f"<!-- ticket-life -->\n{chapter()}\n<!-- /ticket-life -->"
    return re.sub(
        r"<!-- ticket-life -->.*<!-- /ticket-life -->", lambda _: diagram, text, flags=re.DOTALL
    )


def main() -> None:
    """Write every generated file."""
    (_ROOT / "lianxin.example.toml").write_text(render_example())
    page = _ROOT / "ARCHITECTURE.md"
    page.write_text(architecture(page.read_text()))


if __name__ == "__main__":
    main()
