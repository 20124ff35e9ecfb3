"""5.5: write tests that notice mistakes."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="5.5",
    title="Tests that notice",
    minutes=60,
    package=__name__,
    file="tables.py",
    defines=(
        "FIND_CONFLICT_BY_TERM", "MAYBE_APPEND", "COMMITTED_INDEX",
        "MAYBE_DECR_TO",
    ),
    goal="short tables that tell the port from 26 mutants of it",
    stub_says="your rows caught",
    reading=(
        Reading("log.md", "The log"),
        Reading("quorum.md", "Enough of them"),
        Reading("tracker.md", "What a leader knows"),
    ),
    hints=(
        "Take the mistake that was named, and ask: with which input would it"
        " make a difference? `Half is enough` makes none for three voters, nor"
        " for five.",
        "For MAYBE_APPEND think of five situations: it fits at the end; it"
        " does not fit; the leader's commit index lies inside of what was"
        " sent; the append is old and your log is longer; it begins below the"
        " commit index and differs above it.",
        "For the others the interesting values lie at the edges: entry 1, an"
        " index beyond the end, match itself, a hint above what was refused,"
        " an even number of voters, none at all, voters in no order. Twenty"
        " rows are plenty.",
    ),
    discussion=(
        "The reference has twenty rows for 26 mutants, and each row says in a"
        " comment what it is there for. A table without such words is hard to"
        " shorten: nobody dares to take a row out.\n\n"
        "A row that fits everywhere is worth little. The first row of each"
        " stub table is of that kind: it is true, it looks like a test, and"
        " most mutants pass it. What notices mistakes are edges, and"
        " situations in which two rules pull in different directions.\n\n"
        "Mutants are a measure of tests, and a crude one: the list is as good"
        " as whoever wrote it. A mistake that is not on it and that your rows"
        " miss as well is what the recordings, and the properties, are for."
    ),
    mutants=(
        mutant(
            "three_voters_only",
            "No even number of voters is tried.",
            "    ((2, 5, 8, 9), 5),  # Three of four.\n", "",
        ),
        mutant(
            "sorted_by_hand",
            "The voters always come in order.",
            "((9, 3, 7), 7)", "((3, 7, 9), 7)",
        ),
        mutant(
            "no_old_append",
            "Every append ends where the log ends, or beyond.",
            "    ((1, 1, 1, 1), 1, (1, 1), (1,), 9, 2, (1, 1, 1, 1), 2),\n",
            "",
        ),
        mutant(
            "nothing_below_the_commit",
            "No append begins below the commit index.",
            "    ((1, 1, 1, 1), 3, (1, 1), (1, 1, 2), 3, 4,"
            " (1, 1, 1, 2), 3),\n", "",
        ),
        mutant(
            "commits_everything",
            "The leader's commit index always lies beyond what is sent.",
            "    ((1, 1), 1, (2, 1), (1, 1), 3, 4, (1, 1, 1, 1), 3),"
            "  # Not all of it.\n", "",
            "(1, 1, 2), 3, 4, (1, 1, 1, 2), 3)",
            "(1, 1, 2), 9, 4, (1, 1, 1, 2), 4)",
        ),
        mutant(
            "no_stale_refusal",
            "Every refusal is genuine.",
            '    ("replicate", 5, 12, 5, 2, False, 12),  # Stale.\n', "",
        ),
        mutant(
            "never_beyond_the_end",
            "Every index that is asked about is there.",
            "    ((1, 1), 5, 3, (5, 0)),  # Beyond the end nothing is known."
            "\n", "",
        ),
        mutant(
            "a_row_that_is_not_true",
            "A row says what its author believes, not what is so.",
            "((4, 4), 2, 3, (0, 0))", "((4, 4), 2, 3, (1, 4))",
        ),
        mutant(
            "a_guess_is_enough",
            "No hint lies above what was refused.",
            '    ("probe", 0, 10, 9, 20, True, 9),  # By one at least.\n', "",
        ),
    ),
)  # fmt: skip
