"""4.5: nemeses."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="4.5",
    title="Nemeses",
    minutes=30,
    package=__name__,
    file="nemeses.py",
    defines=("partition", "skew", "crash"),
    goal="partitions, skewed clocks and crashes, from a seed",
    stub_says="Still to be written: partition",
    reading=(
        Reading("stale-leader.md", "A stale leader's reads"),
        Reading("split-votes.md", "Split votes"),
    ),
    hints=(
        "A plan is a generator: `while True`, a Wait, an action. Draw how long"
        " to wait, whom to hit and for how long from `rng`. The first lines of"
        " kv/faults.py have an example.",
        "Partition((side, other_side), seconds): rng.sample picks the one,"
        " the other is who is left. ClockRate(node, rate, seconds):"
        " 5 ** rng.uniform(-1, 1) is as often slow as fast.",
        "Crash(node, seconds, power). Now and then crash"
        " rng.sample(nodes, len(nodes) // 2 + 1), without a Wait in between;"
        " and let LEADER be among those that you choose from.",
    ),
    discussion=(
        "Why all from one `rng`? Because a failure that cannot be had again"
        " cannot be understood. The schedule that a seed gives is written"
        " beside each run, and shrinks: half of the actions are left out, and"
        " if it still fails, half of those.\n\n"
        "Random faults find what nobody has thought of, provided that they are"
        " not all of one kind. A minority cut off is survived by anything; the"
        " leader cut off *and* its clock slowed is what kills leases. `storm`"
        " of kv/nemeses/weather.py mixes ten plans."
    ),
    mutants=(
        mutant(
            "never_waits",
            "Blow follows blow, with no time in between.",
            "        yield Wait(rng.uniform(1, 5))\n        some = rng",
            "        some = rng",
        ),
        mutant(
            "draws_from_the_world",
            "It draws from somewhere else, and no run comes twice.",
            "rng.choice([LEADER, *nodes])\n        if rng.random() < 0.6:",
            "random.choice([LEADER, *nodes])\n        if rng.random() < 0.6:",
        ),
        mutant(
            "lasts_for_ever",
            "A partition is never healed.",
            "rng.uniform(0.5, 15))", "0.0)",
        ),
        mutant(
            "spares_the_first",
            "Node 1 is never in the minority.",
            "rng.sample(nodes, rng.randrange(1, len(nodes)))",
            "[nodes[0], *nodes[1:3]]",
        ),
        mutant(
            "spares_the_leader",
            "The leader's death is left to chance.",
            "some: Sequence[int] = [rng.choice([LEADER, *nodes])]",
            "some: Sequence[int] = [rng.choice(nodes)]",
        ),
        mutant(
            "one_at_a_time",
            "A majority is never down at once.",
            "if rng.random() < 0.3:", "if False:",
        ),
        mutant(
            "slow_clocks_only",
            "No clock runs fast.",
            "rng.uniform(-1, 1)", "rng.uniform(-1, 0)",
        ),
        mutant(
            "never_pulls_the_plug",
            "The power never fails.",
            "rng.random() < 0.5)", "False)",
        ),
    ),
)  # fmt: skip
