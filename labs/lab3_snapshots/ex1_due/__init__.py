"""3.1: when to take a snapshot."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="3.1",
    title="When a snapshot is due",
    minutes=15,
    package=__name__,
    file="due.py",
    defines=("snapshot_due",),
    goal="a log that does not grow for ever",
    stub_says="10,000 have been applied since",
    part="snapshot_due",
    plug="snapshot_due=snapshot_due",
    reading=(Reading("snapshots.md#the-scene", "Snapshots, the scene"),),
    hints=(
        "It is one comparison. Say aloud what it compares: how many entries"
        " have been applied since the last snapshot?",
        "Do not look for a multiple of 10,000 with %: entries are applied by"
        " the batch, so applied may go from 9,990 to 10,040.",
        "applied - last says how many. It may be negative for a moment, and"
        " then nothing is due; so no abs().",
    ),
    discussion=(
        "One line, and five ways to get it wrong that all pass a test with"
        " 10,000 single writes. The worst of them is the modulus: it works on"
        " a quiet node and never fires on a busy one, which is the one whose"
        " disk fills up.\n\n"
        "Why 10,000? It is what etcd has used for years. Fewer entries mean"
        " a shorter restart and more copies of the state; if the state is"
        " large and entries small, a rule that compares bytes with bytes is"
        " better. Try it in *Going further*."
    ),
    mutants=(
        mutant("one_too_early", "It is due after 9,999 entries.",
               "applied - last >= EVERY", "applied - last >= EVERY - 1"),
        mutant("one_too_late", "It is due after 10,001 entries.",
               "applied - last >= EVERY", "applied - last > EVERY"),
        mutant("waits_for_a_round_number", "It is due at multiples of 10,000"
               " only.", "applied - last >= EVERY",
               "applied > last and applied % EVERY == 0"),
        mutant("forgets_the_last", "It counts from the beginning: from 10,000"
               " on it is always due.", "applied - last >= EVERY",
               "applied >= EVERY"),
        mutant("counts_round_numbers", "It is due whenever a multiple was"
               " passed, however short ago the last one was taken.",
               "applied - last >= EVERY", "applied // EVERY > last // EVERY"),
        mutant("is_startled_by_the_leader", "A leader's snapshot that is"
               " ahead makes one due.", "applied - last >= EVERY",
               "abs(applied - last) >= EVERY"),
    ),
)  # fmt: skip
