"""0.3: five steps on the way of an entry."""

from labs.lab0_reading.ex3_write.checks import SITUATIONS
from labs.lab0_reading.situations import reasons
from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="0.3",
    title="A write",
    minutes=20,
    package=__name__,
    file="write.toml",
    defines=("a", "b", "c", "d", "e"),
    goal="five steps on the way of an entry",
    stub_says="[a] is not filled in yet",
    stub="stub.toml",
    reference="reference.toml",
    reading=(Reading("write.md", "A write"),),
    hints=(
        "Who takes a proposal? Only the leader appends. A follower"
        " passes on; whoever has nobody to pass it on to, says so.",
        "The leader's own copy is acknowledged like anybody else's: by"
        " a message, which waits for its disk. It counts among what is"
        " sent.",
        "An error is written as [\"raises ProposalDropped\"]. The lines:"
        " the broadcast in `leader_prop`, where `follower_prop` finds the"
        " leader, the end of `candidate_prop`, the question about a"
        " transfer in `leader_prop`, and `handle_append_entries`.",
    ),
    discussion=(
        "That the leader acknowledges to itself is etcd's way to send"
        " and write at the same time: the network is not kept waiting"
        " for the disk, and still nothing counts before the disk has it.\n\n"
        "Dropped is an honest answer. It means that nothing was done,"
        " and the client may try again. Nothing is kept for later,"
        " anywhere."
    ) + reasons(SITUATIONS),
    mutants=(
        mutant(
            "counts_at_once",
            "The leader's own copy needs no message.",
            ', "MsgAppResp to 2"]',
            "]",
        ),
        mutant(
            "one_after_the_other",
            "The leader sends to one follower first.",
            'sends = ["MsgApp to 1", "MsgApp to 3", ',
            'sends = ["MsgApp to 1", ',
        ),
        mutant(
            "keeps_it_for_later",
            "A candidate keeps the proposal until somebody leads.",
            "[c]\n"
            'role = "candidate"\n'
            "term = 3\n"
            'sends = ["raises ProposalDropped"]',
            "[c]\n"
            'role = "candidate"\n'
            "term = 3\n"
            "sends = []",
        ),
        mutant(
            "takes_it_on_the_way_out",
            "A leader appends while it hands over.",
            "[d]\n"
            'role = "leader"\n'
            "term = 3\n"
            'sends = ["raises ProposalDropped"]',
            "[d]\n"
            'role = "leader"\n'
            "term = 3\n"
            'sends = ["MsgApp to 1", "MsgApp to 3"]',
        ),
    ),
)  # fmt: skip
