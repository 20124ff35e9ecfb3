# Everything lives in .venv; each line below also runs by hand once it is
# active (source .venv/bin/activate). What is set up already stays as it is.

PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
UPSTREAM = $(or $(RAFT_UPSTREAM),.upstream)

# What upstream's own files are checked against, see book/weave/facts.py.
TAG := v3.7.0
FACTS := book/upstream/$(TAG).json

export NO_MKDOCS_2_WARNING = 1

.PHONY: help book free site labs labs-full test lint types suite prove fuzz properties bench soak sim chaos lock
.SILENT: help .venv/book.stamp .venv/test.stamp .upstream

help:
	echo "make book   build the book and read it"
	echo "make labs   where you are in the labs, and the next step"
	echo "make test   check everything, quickly"
	echo "README.md has the rest."

book: free site
	@$(BIN)/python -m book.serve --port $(PORT)

free: .venv/book.stamp
	@$(BIN)/python -m book.serve --port $(PORT) --check

site: .venv/book.stamp
	$(BIN)/python -m mkdocs build --strict

labs: .venv/book.stamp
	@$(BIN)/python -m labs

labs-full: .venv/test.stamp
	$(BIN)/python -m labs.runner.proving --slow

test: .venv/test.stamp lint types site suite

lint: .venv/test.stamp
	$(BIN)/ruff check

types: .venv/test.stamp
	$(BIN)/mypy

suite: .venv/test.stamp
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

prove: .venv/test.stamp $(if $(RAFT_UPSTREAM),,.upstream)
	$(BIN)/python -m book.weave.facts $(UPSTREAM) --check $(FACTS)
	$(BIN)/python -m port.rafttest check $(UPSTREAM)/testdata \
		$(UPSTREAM)/confchange/testdata $(UPSTREAM)/quorum/testdata
	RAFT_UPSTREAM=$(UPSTREAM) $(BIN)/python -m pytest -m upstream

fuzz: .venv/test.stamp
	$(BIN)/python -m tests.kv.lincheck.fuzz

properties: .venv/test.stamp
	$(BIN)/python -m tests.properties

bench: .venv/test.stamp
	$(BIN)/python tests/bench/core.py
	$(BIN)/python -m kv bench
	$(BIN)/python -m tests.bench.lincheck

# Processes under all faults there are, and a verdict: make chaos MINUTES=5
MINUTES ?= 30
chaos: .venv/test.stamp
	$(BIN)/python -m kv chaos --minutes $(MINUTES)

# The store on virtual time, a run a seed: make sim SEEDS=0:100000
SEEDS ?= 0:1000
sim: .venv/test.stamp
	$(BIN)/python -m kv sim --seeds $(SEEDS) --seconds 20

# Processes killed under load, many rounds: make soak ROUNDS=1000
ROUNDS ?= 200
soak: .venv/test.stamp
	$(BIN)/python -m tests.kv.processes --rounds $(ROUNDS)

# The versions that everybody gets. The book's are held fixed in the tests'.
LOCK = .cache/lock/bin/uv pip compile -q --universal --generate-hashes \
	--no-header --no-annotate --python-version 3.11 --upgrade

lock:
	$(PYTHON) -m venv .cache/lock && .cache/lock/bin/pip install -q uv
	$(LOCK) pyproject.toml --group book -o requirements-book.txt
	$(LOCK) pyproject.toml --group test -c requirements-book.txt \
		-o requirements-test.txt

.upstream:
	git clone -q -c advice.detachedHead=false --depth 1 --branch $(TAG) \
		https://github.com/etcd-io/raft $@ 2>/dev/null || { echo "Upstream cannot be \
	cloned; connect to the network or name a copy: make prove \
	RAFT_UPSTREAM=path" >&2; exit 1; }

.venv/%.stamp: requirements-%.txt .ci/setup.py
	command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON); \
	install Python 3.11 or newer, or name one: make PYTHON=..." >&2; exit 1; }
	$(PYTHON) .ci/setup.py $*
