"""A linearizability checker that is right, fast, and explains itself.

    from kv.lincheck import check, explain, read_history

    result = check(read_history("run.jsonl"))
    print(result.verdict)            # linearizable, not linearizable, unknown
    print(explain(result).sentence)  # if it is not

In the order in which it is best read:

    history.py    what a history is, and when it is linearizable; values.py,
                  what is read and written
    brute.py      the definition, tried out on every order
    plain.py      the plain search, for any model (models.py)
    replay.py     checking a witness, which makes a yes worth something
    blocks.py     the fast path, if values are unique
    search.py     the general path for the store, with states.py, stale.py
                  and local.py
    check.py      which path for which key
    shrink.py     smaller histories with the same fault
    explain.py    the fault in words
    reading.py    files of events (importers.py: of other checkers)
    generate.py   making histories
    cli.py, page  the command, and the page it writes

Nothing here knows of raft, or of the store: only of what its clients saw.
"""

from kv.lincheck.check import Result, Verdict, check
from kv.lincheck.explain import Explanation, explain
from kv.lincheck.history import (
    NEVER,
    UNTOLD,
    Fault,
    History,
    HistoryError,
    Operation,
)
from kv.lincheck.reading import read_history, write_history

__all__ = [
    "NEVER",
    "UNTOLD",
    "Explanation",
    "Fault",
    "History",
    "HistoryError",
    "Operation",
    "Result",
    "Verdict",
    "check",
    "explain",
    "read_history",
    "write_history",
]
