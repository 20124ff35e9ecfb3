"""4.7: five stores with a mistake in each.

labs/lab4_break/ex7_detective/cases has a file for each: what was done to the
store, and which rule was broken then. Say what is wrong with it, in the words
that `python -m kv sim --help` has for mistakes:

    no-fsync             the log is written, and never synced
    torn-tail            the torn end of a log is taken for data
    acknowledge-early    clients are told before the entry is committed
    apply-early          entries are applied before they are committed
    forgetful-snapshots  a snapshot leaves out who has written what
    no-sessions          a retried write is carried out again
    stale                reads are answered from what is there
    lease                reads trust that clocks run alike
    two-at-once          two members are changed at once

Then write for each a schedule of at most three actions that shows it: a list
of Step(seconds, action) of kv.faults, on a store of three nodes and five
clients, within twelve seconds. `python -m kv sim --unsafe NAME --replay FILE`
tries one out; check does so with ten seeds.
"""

from kv.faults import Step

MISTAKES = {"a": "?", "b": "?", "c": "?", "d": "?", "e": "?"}

SCHEDULES: dict[str, list[Step]] = {
    "a": [], "b": [], "c": [], "d": [], "e": [],
}  # fmt: skip
