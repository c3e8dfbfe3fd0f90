"""`make bench`: speed and memory as ratios measured in one run, printed; nothing passes or fails by the clock.

    python -m tests.bench [NAME …]

Without a name the short ones run. `rates`, `search` and `same_matter` each make a city of a million tickets in a
database of either kind first, and `dispatch` learns from a hundred thousand: that takes some minutes, and they run when
they are named.
"""

from __future__ import annotations

import sys

from tests.bench import (
    ami_ingest,
    boards,
    dispatch,
    intake,
    mailbox,
    rates,
    same_matter,
    screen_pop,
    search,
    ways_in,
)

SHORT = {
    "ami_ingest": ami_ingest,
    "intake": intake,
    "screen_pop": screen_pop,
    "ways_in": ways_in,
    "mailbox": mailbox,
    "boards": boards,
}
LONG = {"dispatch": dispatch, "rates": rates, "same_matter": same_matter, "search": search}


def main() -> None:
    """Run the benches that are named, or every short one, one after the other."""
    every = SHORT | LONG
    names = sys.argv[1:] or list(SHORT)
    unknown = [name for name in names if name not in every]
    if unknown:
        sys.exit(f"no bench {', '.join(unknown)}; there are {', '.join(every)}")
    for name in names:
        print(f"\n## {(every[name].__doc__ or '').splitlines()[0]}\n", flush=True)
        every[name].main()


if __name__ == "__main__":
    main()
