"""4.4: key by key."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="4.4",
    title="Key by key",
    minutes=15,
    package=__name__,
    file="keys.py",
    defines=("first_fault",),
    goal="judge a store of many keys, and name the one at fault",
    stub_says="Still to be written: first_fault",
    reading=(Reading("idea.md", "The idea"),),
    hints=(
        "Sort the operations into heaps, one for each key, and judge heap by"
        " heap.",
        "An operation of unknown outcome belongs to its key like any other:"
        " it may be what explains a read.",
        "Go through the keys in order, `sorted(...)`, and return the first"
        " that has no order; None at the end. `op.key` may be any value:"
        " str(op.key) names it.",
    ),
    discussion=(
        "Ten lines, and they gain more than all cleverness in the search."
        " Herlihy and Wing proved that linearizability is *local*: a history"
        " is linearizable if and only if that of each object is. So forty keys"
        " are forty small questions instead of a huge one.\n\n"
        "It holds because no operation here touches two keys. A store with"
        " transactions has no such luck; its checkers look for cycles among"
        " whole transactions."
    ),
    mutants=(
        mutant(
            "judges_all_at_once",
            "Keys are not told apart.",
            "by_key[str(op.key)].append(op)", 'by_key["k"].append(op)',
        ),
        mutant(
            "leaves_out_the_unknown",
            "What nobody knows about is left out.",
            "    for op in operations:\n",
            "    for op in operations:\n        if not op.must:\n"
            "            continue\n",
        ),
        mutant(
            "in_the_order_of_the_history",
            "The first fault is that of the key that was used first.",
            "for key in sorted(by_key):", "for key in by_key:",
        ),
        mutant(
            "looks_at_the_first_key_only",
            "After the first key it says that all is well.",
            "            return key\n    return None",
            "            return key\n        return None\n    return None",
        ),
        mutant(
            "says_yes_or_no",
            "It says that something is wrong, and not where.",
            "            return key\n", '            return "fault"\n',
        ),
    ),
)  # fmt: skip
