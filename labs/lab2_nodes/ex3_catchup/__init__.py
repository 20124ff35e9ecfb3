"""2.3: restart the dead node, and watch it catch up."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="2.3",
    title="Restart it, and watch it catch up",
    minutes=20,
    package=__name__,
    file="catchup.toml",
    defines=(
        "node", "term", "commit", "last", "leader", "leader_term", "stood",
        "by",
    ),
    goal="what a node knows when it comes back, and how it learns the rest",
    stub_says="run the cluster first",
    stub="stub.toml",
    reference="reference.toml",
    beside=("cluster", "labs/lab2_nodes/recorded"),
    reading=(
        Reading("boot.md#the-start-__init__", "The start"),
        Reading("failover.md#the-leaders-side", "The leader's side"),
    ),
    hints=(
        "The node's own log tells all of it. It has two lines with `newRaft`:"
        " one of the first start, one behind the kill. The second counts."
        " (If you have started it more often, there are more: the first one"
        " behind the kill counts.)",
        "Behind that line, `elected leader L at term T` says whom it follows."
        " `became follower at term` comes earlier and is not the same: a node"
        " may know a term before it knows a leader.",
        "`is starting a new election` between the two means that it stood:"
        " stood = true. TOML writes true and false in lower case, text in"
        " double quotes.",
    ),
    discussion=(
        "The term and the last index are what the node had promised and"
        " stored: they are all there. The commit index may be behind, since"
        " it is not synced by itself, and it does no harm: what is committed"
        " stays committed, and the leader tells it again.\n\n"
        "If it stood for election, that was because its own timeout ended"
        " before the first heartbeat reached it; the transport has to"
        " reconnect, too. Without pre-vote it would have raised the term and"
        " thrown the leader out, for nothing: the story *A disruptive rejoin*"
        " shows that.\n\n"
        "And whatever it missed came as ordinary appends: the leader tries at"
        " the end of its own log, is refused with a hint, and goes back to"
        " where the two logs agree."
    ),
    mutants=(
        mutant("names_the_leader", "The leader is said to have come back.",
               "node = 2", "node = 1"),
        mutant("reads_the_first_start", "The values are those of the first"
               " start, when everything was 0.",
               "term = 2\ncommit", "term = 0\ncommit"),
        mutant("takes_commit_for_last", "The commit index is taken for the"
               " end of the log.", "last = 7", "last = 6"),
        mutant("takes_last_for_commit", "The end of the log is taken for the"
               " commit index.", "commit = 6", "commit = 7"),
        mutant("stays_in_its_term", "It is said to follow in its old term.",
               "leader_term = 3", "leader_term = 2"),
        mutant("overlooks_the_election", "It asked for votes in vain, and"
               " nobody noticed.", "stood = true", "stood = false"),
        mutant("believes_in_a_snapshot", "So few entries come by log.",
               'by = "log"', 'by = "snapshot"'),
        mutant("quotes_the_truth", "A text is no truth value.",
               "stood = true", 'stood = "true"'),
    ),
)  # fmt: skip
