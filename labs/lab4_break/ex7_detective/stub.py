"""4.7: five stores with a mistake in each.

labs/lab4_break/ex7_detective/cases has a file for each: what was done to the
store, and which rule was broken then. Say what is wrong with it, in the words
that `python -m kv sim --help` has for mistakes. No two stores have the same:

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
clients, within twelve seconds. The actions of a case need not be among them,
and what broke need not be the same rule. To try one out, in Python:

    from kv.sim.run import Setup, run
    from labs.work.detective import SCHEDULES

    setup = Setup(seed=1, seconds=12, nemesis="calm", unsafe="stale")
    print(run(setup, SCHEDULES["b"]).verdict())

With one seed it may show and with the next one not. check tries the seeds 1 to
10, and one that shows it is enough; then, with the same seed, the store without
the mistake has to bear it.
"""

from kv.faults import Step

MISTAKES = {"a": "?", "b": "?", "c": "?", "d": "?", "e": "?"}

SCHEDULES: dict[str, list[Step]] = {
    "a": [], "b": [], "c": [], "d": [], "e": [],
}  # fmt: skip
