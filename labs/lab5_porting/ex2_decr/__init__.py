"""5.2: port MaybeDecrTo."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="5.2",
    title="A refusal, and how far to go back",
    minutes=20,
    package=__name__,
    file="decr.py",
    defines=("maybe_decr_to",),
    goal="port tracker/progress.go:226-254; all recordings stay as they are",
    stub_says="Still to be written: maybe_decr_to",
    reading=(
        Reading("tracker.md", "What a leader knows"),
        Reading("failover.md#two-kinds-of-tail", "Two kinds of tail"),
    ),
    hints=(
        "There are two halves. While replicating many appends are on the way,"
        " and a refusal may be about any of them. While probing (or waiting"
        " for a snapshot) there is one at a time.",
        "A refusal is stale if what it speaks of has been settled since:"
        " while replicating if `rejected` is at or below `match`, else if it"
        " is not `next - 1`. A stale one changes nothing at all.",
        "While probing next becomes the lower of `rejected` and"
        " `match_hint + 1`, but never less than `match + 1`, and the pause"
        " ends. While replicating it becomes `match + 1`. In both cases"
        " `_sent_commit` must not stay above `next - 1`.",
    ),
    discussion=(
        "Messages come twice, late and in another order. So a refusal is first"
        " of all a question: what did it refuse? While probing there is just"
        " one append on its way, and it built on next - 1. While replicating"
        " anything above match is possible.\n\n"
        "The line for `_sent_commit` is young. Go notes what commit index each"
        " follower was told, so as not to send empty appends that tell it"
        " again. If the append that told it was refused, it told nothing. None"
        " of the recordings notices when the line is left out: they ask what"
        " happened, and there it has not happened in a way that shows. It"
        " takes a question of its own."
    ),
    mutants=(
        mutant(
            "believes_stale_refusals",
            "While replicating, an old refusal takes next back.",
            "if rejected <= pr.match:", "if rejected < 0:",
        ),
        mutant(
            "stale_at_match",
            "A refusal of the entry at match counts as genuine.",
            "if rejected <= pr.match:", "if rejected < pr.match:",
        ),
        mutant(
            "believes_any_probe",
            "While probing, a refusal of any append counts.",
            "if rejected != pr.next - 1:", "if rejected < 0:",
        ),
        mutant(
            "trusts_the_hint",
            "The hint may move next forward.",
            "min(rejected, match_hint + 1)", "match_hint + 1",
        ),
        mutant(
            "ignores_the_hint",
            "It goes back entry by entry.",
            "min(rejected, match_hint + 1)", "rejected",
        ),
        mutant(
            "falls_below_match",
            "What is known to be there is sent again.",
            "max(back, pr.match + 1)", "back",
        ),
        mutant(
            "stays_paused",
            "The next probe waits for a heartbeat.",
            "        pr.msg_app_flow_paused = False\n", "",
        ),
        mutant(
            "forgets_what_was_told",
            "The commit index counts as told, though it was refused.",
            "    pr._sent_commit = min(pr._sent_commit, pr.next - 1)\n", "",
        ),
        mutant(
            "off_by_one",
            "The entry that may agree is sent again.",
            "match_hint + 1)", "match_hint)",
        ),
    ),
)  # fmt: skip
