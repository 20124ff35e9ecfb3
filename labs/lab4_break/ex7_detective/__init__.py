"""4.7: the detective's part."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="4.7",
    title="The detective",
    minutes=60,
    package=__name__,
    file="detective.py",
    defines=("MISTAKES", "SCHEDULES"),
    goal="name five planted mistakes, and show each with three actions",
    stub_says="a is not named yet",
    reading=(
        Reading("stale-leader.md", "A stale leader's reads"),
        Reading("commit.md", "Commit"),
    ),
    hints=(
        "Begin with the last line of a case. A value that stands there twice;"
        " an answer that was over; a node that has forgotten what it had"
        " promised; something that is there too early. Each points at one part"
        " of the store.",
        "Then ask what the faults before it have in common. Whoever has lost"
        " power cannot have lost what was synced. Where nothing was lost, but"
        " slow, somebody asked twice, or somebody answered from an old state.",
        "One action is enough for each. Slow(ANY, ANY, delay, spread, seconds)"
        " makes clients give up and try again; Slow(LEADER, ANY, ...) keeps"
        " followers behind; Crash(node, seconds, power=True) takes what was"
        " not synced; Partition(((LEADER,),), seconds) leaves a leader alone"
        " with what it has not committed.",
    ),
    discussion=(
        "Each mistake needs an occasion. A store without sessions is perfect"
        " until an answer is lost; one that never syncs, until the power"
        " fails; one that answers early, until the leader is cut off at the"
        " right moment. Nobody meets all of these at his desk. That is what"
        " the nemeses are for.\n\n"
        "And each shows as something else. A detective who knows only the"
        " conflict (*get #229 found what stood there before*) has five"
        " suspects; one who also knows that nothing was down, and that only"
        " links were slow, has one."
    ),
    mutants=(
        mutant(
            "blames_the_disk",
            "A write that was done twice is taken for one that came back.",
            '"a": "no-sessions"', '"a": "torn-tail"',
        ),
        mutant(
            "blames_the_clock",
            "An old answer is put down to leases, though no clock was hurt.",
            '"b": "stale"', '"b": "lease"',
        ),
        mutant(
            "confuses_the_two_hastes",
            "Applied too early, and told too early, are mixed up.",
            '"d": "apply-early"', '"d": "acknowledge-early"',
        ),
        mutant(
            "kills_without_the_power",
            "What was written outlives a process: nothing shows.",
            "seconds=1, power=True", "seconds=1, power=False",
        ),
        mutant(
            "too_short",
            "The leader is back before anybody relies on another.",
            "seconds=6))", "seconds=0.05))",
        ),
        mutant(
            "slow_is_not_enough",
            "The delay is shorter than a client's patience.",
            "Slow(ANY, ANY, 0.6, 0.6, seconds=5)",
            "Slow(ANY, ANY, 0.001, 0.001, seconds=5)",
        ),
    ),
    seconds=60.0,
    slow=True,
)  # fmt: skip
