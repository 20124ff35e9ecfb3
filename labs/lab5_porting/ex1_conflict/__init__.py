"""5.1: port findConflictByTerm."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="5.1",
    title="Where two logs may agree",
    minutes=20,
    package=__name__,
    file="find_conflict.py",
    defines=("find_conflict_by_term",),
    goal="port log.go:182-194; all recordings stay as they are",
    stub_says="Still to be written: find_conflict_by_term",
    reading=(
        Reading("failover.md#two-kinds-of-tail", "Two kinds of tail"),
        Reading("log.md", "The log"),
    ),
    hints=(
        "It is one loop, from `index` down. What ends it? Either a term of"
        " ours that is low enough, or an entry whose term nobody knows any"
        " more.",
        "Terms only rise along a log. If theirs is of term 3 at this index,"
        " then none of theirs before it is of a higher term. So the question"
        " at each index is `our term <= term`, and not `==`.",
        "Go returns the error's index with term 0. `log.term(i)` raises"
        " Compacted or Unavailable here: return (i, 0) from the except"
        " clause. If the loop runs out, return (0, 0).",
    ),
    discussion=(
        "Comparing with `<=` is the whole idea, and `==` is the mistake that"
        " most people make. A follower that refuses says *at index 5 I have"
        " term 3*. The leader must then pass over all of its own entries of"
        " terms above 3, and may stop at the first of term 3 *or less*:"
        " whether the follower has that one is for the next append to find"
        " out.\n\n"
        "It is a guess, and it may be wrong in one direction only: too high."
        " Then another refusal follows. Too low would be safe as well, and"
        " would send again what is there already."
    ),
    mutants=(
        mutant(
            "wants_the_same_term",
            "Only an equal term counts as possible.",
            "if ours <= term:", "if ours == term:",
        ),
        mutant(
            "goes_one_too_far",
            "The index before the one that may agree is returned.",
            "            return i, ours", "            return i - 1, ours",
        ),
        mutant(
            "one_step_only",
            "It looks at one entry, and not past a whole term.",
            "        if ours <= term:\n            return i, ours",
            "        return (i, ours) if ours <= term else (i - 1, 0)",
        ),
        mutant(
            "tells_their_term",
            "The term that was asked about is returned, and not ours.",
            "return i, ours", "return i, term",
        ),
        mutant(
            "goes_on_where_nothing_is_known",
            "A compacted entry is passed over as if it could not agree.",
            "return i, 0", "continue",
        ),
        mutant(
            "stops_before_the_first",
            "Entry 1 is never looked at.",
            "range(index, 0, -1)", "range(index, 1, -1)",
        ),
    ),
)  # fmt: skip
