"""What the labs lead to is a store: their solutions, put together, hold.

The suite is the one that our own parts have to pass.
"""

from __future__ import annotations

import os
import subprocess
import sys

from labs.runner.exercise import ROOT


def test_the_solutions_are_a_store() -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-x",
            "-p", "no:cacheprovider",
            "tests/kv/conformance", "-k", "not framing and not drive",
        ],
        cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "KV_PARTS": "tests.labs.references:PARTS"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
