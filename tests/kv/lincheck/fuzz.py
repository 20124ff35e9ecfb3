"""`make fuzz`: every path against the definition, on many histories.

    python -m tests.kv.lincheck.fuzz [SMALL [MIDDLING [SEED]]]

First SMALL histories of at most eight operations against brute force, then
MIDDLING ones of eight to sixty against the plain search. Prints what was
seen; a disagreement stops it, with the seed.
"""

from __future__ import annotations

import sys
from collections import Counter

from tests.kv.lincheck.agree import verdict
from tests.kv.lincheck.middling import middling
from tests.kv.lincheck.randoms import small


def main(argv: list[str]) -> int:
    """Run as many as asked for."""
    counts = [int(text) for text in argv] + [20_000, 4_000, 0][len(argv) :]
    for name, count in (("small", counts[0]), ("middling", counts[1])):
        seen: Counter[tuple[bool, str]] = Counter()
        for seed in range(counts[2], counts[2] + count):
            try:
                if name == "small":
                    seen[verdict(small(seed, 8, 5))] += 1
                    continue
                part = middling(seed)
                if part is not None:
                    seen[verdict(part, brute=False)] += 1
            except Exception as error:
                print(f"{name} history of seed {seed}: {error!r}")
                return 1
        print(f"{sum(seen.values())} {name} histories, all paths agree")
        for (truth, path), times in sorted(seen.items()):
            print(f"  {'yes' if truth else 'no ':<4}{path:<12}{times:>8}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
