"""`make bench`: speed and memory as ratios measured in one run, printed; nothing passes or fails by the clock."""

from __future__ import annotations

from tests.bench import ami_ingest, screen_pop


def main() -> None:
    """Run every bench, one after the other."""
    for bench in (ami_ingest, screen_pop):
        print(f"\n## {(bench.__doc__ or '').splitlines()[0]}\n", flush=True)
        bench.main()


if __name__ == "__main__":
    main()
