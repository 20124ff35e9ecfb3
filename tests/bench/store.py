"""The store's figures: `python tests/bench/store.py --against etcd`.

The same as `python -m kv bench`, which says more; it stands here beside the
other benchmarks.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from kv.bench import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
