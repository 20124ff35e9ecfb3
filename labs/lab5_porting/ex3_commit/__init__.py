"""5.3: port CommittedIndex."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="5.3",
    title="What a majority has",
    minutes=15,
    package=__name__,
    file="committed.py",
    defines=("committed_index",),
    goal="port quorum/majority.go:120-163; all recordings stay as they are",
    stub_says="Still to be written: committed_index",
    reading=(Reading("quorum.md", "Enough of them"),),
    hints=(
        "Put the indexes in order. A majority of five is three: which place"
        " in the order says what three of them have?",
        "Sorted from high to low, the entry at place n // 2 + 1 (counted from"
        " 1) is on that many voters, at least. A voter of whom nothing was"
        " heard counts as 0.",
        "An empty configuration returns INFINITY, as it is one half of a"
        " joint one whose other half decides by taking the lower of the two.",
    ),
    discussion=(
        "Two lines, and Go needs forty: it keeps the indexes of up to seven"
        " voters on the stack and sorts by insertion, since this runs with"
        " every acknowledgement. A port keeps what a function *does*; why the"
        " Go is longer belongs into a note, and into the ledger where it"
        " shows.\n\n"
        "Half is the classic mistake. It holds for three, five and seven"
        " voters, where half cannot be had, and fails for four. That is why"
        " the checks begin to bite with an even number."
    ),
    mutants=(
        mutant(
            "half_is_enough",
            "With an even number of voters half of them decide.",
            "len(voters) // 2 + 1", "(len(voters) + 1) // 2",
        ),
        mutant(
            "off_by_one",
            "One voter more than a majority is asked for.",
            "reached[majority - 1]", "reached[min(majority, len(reached) - 1)]",
        ),
        mutant(
            "takes_the_greatest",
            "What one voter has counts as committed.",
            "return reached[majority - 1]", "return reached[0]",
        ),
        mutant(
            "leaves_out_the_silent",
            "Those who were not heard of do not count at all.",
            "[acked.acked_index(id) or 0 for id in voters]",
            "[a for id in voters if (a := acked.acked_index(id)) is not None]"
            " or [0]",
            "majority = len(voters) // 2 + 1",
            "majority = len(reached) // 2 + 1",
        ),
        mutant(
            "nobody_has_nothing",
            "An empty half holds everything back.",
            "return INFINITY", "return 0",
        ),
        mutant(
            "does_not_sort",
            "The order is that of the voters' ids.",
            "    reached.sort(reverse=True)\n", "",
        ),
    ),
)  # fmt: skip
