"""4.2: brute force."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="4.2",
    title="The definition itself",
    minutes=40,
    package=__name__,
    file="brute.py",
    defines=("linearizable",),
    goal="judge eight operations by trying every order",
    stub_says="Still to be written: linearizable",
    reading=(
        Reading("idea.md", "The idea"),
        Reading("reads.md", "Reads"),
    ),
    hints=(
        "Recursion: which operation may come first? Take it, work out the"
        " state, and ask the same of what is left.",
        "An operation may come next if no other one that is left *and must"
        " happen* had ended before it began. If none of what is left must"
        " happen, you are done.",
        "A get is possible only if it found the state; a swap only if the"
        " state is the old value; a mismatch only if it is not. An unknown cas"
        " that is put into the order swapped: otherwise leave it out.",
    ),
    discussion=(
        "Twenty lines, and all there is to linearizability. It takes time"
        " like the factorial of what overlaps, so nobody uses it; and"
        " everybody needs it, for a clever checker that is wrong looks just"
        " like one that is right. `make fuzz` holds ours against such a"
        " definition on twenty thousand histories.\n\n"
        "The comparison is `<`, and not `<=`. When a call and a return fall on"
        " one tick of the clock, nobody can say which was first, so both"
        " orders must be allowed."
    ),
    mutants=(
        mutant(
            "does_not_look_at_times",
            "Any order will do: a stale read is explained away.",
            "other.must and other.ret < op.call", "False",
        ),
        mutant(
            "ends_and_begins_at_once",
            "Equal times count as one after the other.",
            "other.ret < op.call", "other.ret <= op.call",
        ),
        mutant(
            "everything_must_happen",
            "A write of unknown outcome has to be in the order.",
            "if not any(op.must for op in left):", "if not left:",
            "other.must and other.ret", "other.ret",
        ),
        mutant(
            "nothing_unknown_happens",
            "A write of unknown outcome never happened.",
            "goes_on(None, list(operations))",
            "goes_on(None, [op for op in operations if op.must])",
        ),
        mutant(
            "believes_mismatches",
            "A cas that did not swap may have found anything.",
            "return state if state != old else WRONG", "return state",
        ),
        mutant(
            "believes_swaps",
            "A cas that swapped may have found anything.",
            "return new if state == old else WRONG", "return new",
        ),
        mutant(
            "takes_the_first_that_fits",
            "What was tried once is not taken back.",
            "        if after is not WRONG and goes_on(after, rest):\n"
            "            return True\n",
            "        if after is not WRONG:\n"
            "            return goes_on(after, rest)\n",
        ),
    ),
)  # fmt: skip
