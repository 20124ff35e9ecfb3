"""3.6: measure restart time and disk use."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="3.6",
    title="Measure restart time and disk use",
    minutes=20,
    package=__name__,
    file="measured.toml",
    defines=(
        "entries", "restart_without", "restart_with", "disk_without",
        "disk_with", "without_grows_with", "with_grows_with",
        "ten_times_without", "ten_times_with",
    ),
    goal="what snapshots are good for, in numbers and in a picture",
    stub_says="measure first",
    stub="stub.toml",
    reference="reference.toml",
    beside=("measured", "labs/lab3_snapshots/recorded"),
    reading=(
        Reading("snapshots.md#the-scene", "Snapshots, the scene"),
        Reading("snapshots.md#taking-one", "Taking a snapshot"),
    ),
    hints=(
        "Run the measurement with your parts; it takes some seconds. The last"
        " row of its table has the five numbers.",
        "Open labs/work/measured/measured.svg in a browser. One curve is a"
        " straight line, the other one a saw. Which is which, and what"
        " happens at each tooth?",
        "A restart reads the log and applies what is behind the snapshot."
        " Without snapshots that is all there ever was. With them it is at"
        " most what came since the snapshot; the state itself has 1,000 keys"
        " throughout.",
    ),
    discussion=(
        "Without snapshots a restart replays history, and history only gets"
        " longer; the disk fills at the same rate. With them both are bound"
        " by two things that do not grow with time: the size of the state,"
        " and the number of entries between snapshots.\n\n"
        "The saw is the price tag of `EVERY`: the more entries between two"
        " snapshots, the higher its teeth. Measure the same with 1,000 and"
        " with 100,000 to see what you pay where.\n\n"
        "Beware of numbers from a machine that does other things. The shape"
        " of the curves will be the same on yours; the milliseconds will"
        " not."
    ),
    mutants=(
        mutant("swaps_the_columns", "The restart with snapshots is taken for"
               " the one without.", "restart_without = 134.1",
               "restart_without = 11.8"),
        mutant("reads_another_row", "The numbers are from the first row.",
               "entries = 50000", "entries = 5000"),
        mutant("takes_bytes_for_kb", "The disk use in bytes.",
               "disk_with = 1662", "disk_with = 1662000"),
        mutant("blames_the_keys", "The keys were the same all the time.",
               'without_grows_with = "all entries"',
               'without_grows_with = "keys"'),
        mutant("sees_no_saw", "With snapshots, old entries cost nothing any"
               " more.", 'with_grows_with = "last entries"',
               'with_grows_with = "all entries"'),
        mutant("expects_growth", "Ten times the history, the same restart.",
               "ten_times_with = 1", "ten_times_with = 10"),
        mutant("hopes_for_the_best", "A line that goes on goes on.",
               "ten_times_without = 10", "ten_times_without = 1"),
    ),
)  # fmt: skip
