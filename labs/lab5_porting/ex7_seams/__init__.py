"""5.7: name the seams, and tell harmless clean-ups from others."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="5.7",
    title="Seams, and what to leave alone",
    minutes=20,
    package=__name__,
    file="seams.toml",
    defines=(
        "dice", "clock", "disk_errors", "sent", "printed", "acks", "role",
        "events", "harmless",
    ),
    goal="say how each part can be tested, and what not to tidy up",
    stub_says="it is not filled in yet",
    stub="stub.toml",
    reference="reference.toml",
    reading=(
        Reading("boot.md", "Boot"),
        Reading("step.md", "Step, whole"),
    ),
    hints=(
        "A seam is where a test gets in without editing the code: a protocol"
        " that it implements, a field that it sets, a list that it reads, a"
        " call that it makes as often as it likes.",
        "Raft does nothing by itself. So for each thing that it seems to do"
        " (send, print, wait, read a disk, throw dice) there is a place where"
        " somebody else does it. Look at `Config`, and at the first lines of"
        " `Raft.__init__`.",
        "For the clean-ups try it out: change the port, run `python -m"
        " port.rafttest check book/scenarios`, and change it back. Two of the"
        " six change nothing; one of these is about the loop of 5.1.",
        "The scenarios notice three of the four that break something. The"
        " fourth shows only where a leader's map holds its peers in another"
        " order than that of their ids. When does a dict hold them so?",
    ),
    discussion=(
        "Eight seams, and none of them was put there for tests. They are what"
        " is left when a library does no work of its own; that they make it"
        " testable down to the last message is the reward.\n\n"
        "Of the clean-ups four are of the kind that reviewers wave through."
        " The order of a broadcast is in every recording, and so in every"
        " bug report that somebody will try to follow; it changes once a"
        " peer has been taken out of the map and put back, as happens in a few"
        " of the long ones."
        " Setting the vote before the reset loses it. The clause about"
        " probing sends an append that carries nothing, and its answer is what"
        " takes a peer that lacks nothing back to replicating. And"
        " `next` runs ahead while replicating: an acknowledgement must not"
        " pull it back.\n\n"
        "This is why nobody should lint-refactor the Go. It is not that it is"
        " beautiful. It is that every line has been right for ten years, and"
        " that nobody, with any tool, can see at a glance which of them only"
        " look superfluous."
    ),
    mutants=(
        mutant(
            "looks_for_a_clock",
            "Time is taken for something that raft reads.",
            'clock = "tick"', 'clock = "Config.rand"',
        ),
        mutant(
            "listens_on_the_network",
            "Messages are looked for where they are logged.",
            'sent = "msgs"', 'sent = "Logger"',
        ),
        mutant(
            "reads_the_log_for_events",
            "The trace is taken for the log lines.",
            'events = "TraceLogger"', 'events = "Logger"',
        ),
        mutant(
            "order_does_not_matter",
            "The order of a broadcast is taken for free.",
            '["c", "d"]', '["a", "c", "d"]',
        ),
        mutant(
            "clauses_look_superfluous",
            "A clause that sends an empty append is taken for superfluous.",
            '["c", "d"]', '["c", "d", "e"]',
        ),
        mutant(
            "trusts_nobody",
            "No change is taken for harmless.",
            '["c", "d"]', "[]",
        ),
    ),
)  # fmt: skip
