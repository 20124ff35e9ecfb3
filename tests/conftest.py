"""What all tests share: where upstream's own files are."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

REPO = Path(__file__).parents[1]


# A busy machine is no reason to fail: what takes long is measured elsewhere.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def find_upstream(wanted: str) -> Path:
    """Return the first copy of upstream's files that holds `wanted`.

    It is looked for in `RAFT_UPSTREAM`, then in `.upstream/` (where `make
    prove` puts it), then in `../shared/upstream`. A `RAFT_UPSTREAM` that is
    set and lacks it is a mistake, not a reason to look further.
    """
    named = os.environ.get("RAFT_UPSTREAM")
    if named:
        # A relative path is meant from where the tests were started.
        if not Path(named, wanted).exists():
            pytest.fail(f"RAFT_UPSTREAM={named} holds no {wanted}")
        return Path(named).resolve()
    for place in (REPO / ".upstream", REPO.parent / "shared" / "upstream"):
        if (place / wanted).exists():
            return place
    pytest.skip(
        f"upstream's {wanted} is not here: `make prove` fetches it, or "
        "set RAFT_UPSTREAM to a checkout of etcd-io/raft v3.7.0"
    )


@pytest.fixture(scope="session")
def upstream() -> Path:
    """The folder that holds upstream's scripts: `testdata/` and the like."""
    return find_upstream("testdata")


@pytest.fixture(scope="session")
def upstream_checkout() -> Path:
    """A whole checkout of upstream, with its Go files."""
    return find_upstream("raft.go")
