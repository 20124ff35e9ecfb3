"""4.6: thirty minutes on your own store."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="4.6",
    title="Thirty minutes",
    minutes=45,
    package=__name__,
    file="thirty.toml",
    defines=(
        "linearizable", "operations", "unknown", "elections", "longest_gap",
        "most",
    ),
    goal="real processes on your parts, hurt for half an hour, and judged",
    stub_says="the run comes first",
    stub="stub.toml",
    reference="reference.toml",
    beside=("chaos", "labs/lab4_break/recorded"),
    reading=(Reading("stale-leader.md", "A stale leader's reads"),),
    hints=(
        "Try it for a minute first: --minutes 1; then remove labs/work/chaos,"
        " for a run wants it empty. If it says that a node stops"
        " at once, look into labs/work/chaos/nodes: what your part raised"
        " stands at the end of its log.",
        "If the history has no order, the report shows a conflict of a few"
        " operations and when it was complete. Which faults were on just"
        " before? A lost write after a power failure is the log's; one that is"
        " done twice, the state machine's.",
        "The figures are in labs/work/chaos/run.json: `operations`, `ended`,"
        " `elections`, `gaps` (begin and end of each), `faults` (family and"
        " kind, and how often).",
    ),
    discussion=(
        "A gap is no fault. While a majority is down, or cut off, nothing may"
        " go on; what counts is that it goes on *soon afterwards*, and the"
        " report says for each long gap what was the matter. A gap for which"
        " it finds no reason is worth an evening.\n\n"
        "Half an hour without a conflict proves nothing, and convinces more"
        " than any argument. What would make it a better test? Look at which"
        " lines of your parts it never reached."
    ),
    mutants=(
        mutant(
            "counts_successes_only",
            "What failed or is unknown does not count as called.",
            "operations = 124", "operations = 77",
        ),
        mutant(
            "takes_failures_for_unknown",
            "What certainly was not done counts as unknown.",
            "unknown = 12", "unknown = 35",
        ),
        mutant(
            "counts_terms",
            "Terms without a leader count as elections.",
            "elections = 2", "elections = 7",
        ),
        mutant(
            "takes_the_last_gap",
            "A gap is looked at, but not the longest.",
            "longest_gap = 11.57", "longest_gap = 6.5",
        ),
        mutant(
            "did_not_read_the_verdict",
            "The run was good, and is called bad.",
            "linearizable = true", "linearizable = false",
        ),
        mutant(
            "looks_at_the_first",
            "The fault that is listed first is taken for the most frequent.",
            'most = "partition"', 'most = "members"',
        ),
    ),
)  # fmt: skip
