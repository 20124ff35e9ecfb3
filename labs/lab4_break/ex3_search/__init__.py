"""4.3: Wing, Gong and Lowe."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="4.3",
    title="Wing, Gong and Lowe",
    minutes=60,
    package=__name__,
    file="search.py",
    defines=("linearizable",),
    goal="judge hundreds of operations in seconds",
    stub_says="Still to be written: linearizable",
    reading=(Reading("idea.md", "The idea"),),
    hints=(
        "Two ideas. Wing and Gong: only what was called before the first"
        " return of all that is left can come next, so look no further. Lowe:"
        " the same set of operations done, with the same state, has the same"
        " future; so remember the pairs that you have been at.",
        "Sort by call. A set of operations is an int with a bit for each; a"
        " pair (bits, state) goes into a set. Keep your own stack instead of"
        " recursing: a list of iterators over choices will do.",
        "Who is left: begin at the lowest bit that is not set, and stop at the"
        " first call that is later than the least return seen so far. What"
        " need not have happened is a choice like the others, and you are done"
        " when all that must have happened is.",
    ),
    discussion=(
        "The cache turns a tree into a graph. Twelve puts at once have half a"
        " thousand million orders and 4096 sets; with two states each, that"
        " is no work at all. It is the whole difference between a definition"
        " and a checker.\n\n"
        "`kv/lincheck/plain.py` is this search on a linked list, as in Lowe's"
        " paper; lifting an entry and putting it back costs less than looking"
        " for the window anew. `kv/lincheck/search.py` goes on from there:"
        " reads that are possible are taken at once, and writes that nobody"
        " can have seen are dropped."
    ),
    mutants=(
        mutant(
            "forgets_where_it_was",
            "Nothing is remembered: it tries every order.",
            "            seen.add(found)\n", "",
        ),
        mutant(
            "remembers_too_little",
            "The state does not count: it believes to have been there.",
            "        if found not in seen:\n            seen.add(found)\n",
            "        if found[0] not in seen:\n            seen.add(found[0])"
            "\n",
        ),
        mutant(
            "looks_too_far",
            "What was called after the first return may come first, too.",
            "        if ops[i].call > end:\n            break\n", "",
            "        if end is not None and ops[i].call > end:\n"
            "            return\n", "",
        ),
        mutant(
            "stops_at_equal_times",
            "A call at the moment of a return comes too late.",
            "        if ops[i].call > end:\n            break",
            "        if ops[i].call >= end:\n            break",
        ),
        mutant(
            "waits_for_the_unknown",
            "What need not have happened must be done before it says yes.",
            "if op.must)", "if True)",
        ),
        mutant(
            "leaves_out_the_unknown",
            "What nobody knows about never happened.",
            "ops = sorted(operations,",
            "ops = sorted((op for op in operations if op.must),",
        ),
    ),
    seconds=6.0,
)  # fmt: skip
