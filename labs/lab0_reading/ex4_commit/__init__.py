"""0.4: five acknowledgements, and what they commit."""

from labs.lab0_reading.ex4_commit.checks import SITUATIONS
from labs.lab0_reading.situations import reasons
from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="0.4",
    title="Commit",
    minutes=25,
    package=__name__,
    file="commit.toml",
    defines=("a", "b", "c", "d", "e"),
    goal="five acknowledgements, and what they commit",
    stub_says="[a] is not filled in yet",
    stub="stub.toml",
    reference="reference.toml",
    reading=(Reading("commit.md", "Commit"),),
    hints=(
        "Count who has the entry, the leader among them. Then look at"
        " the entry's term. Only then is it committed.",
        "When the commit index moves, everybody is told. When it does"
        " not, the one that answered may still lack entries, or not know"
        " the index.",
        "The lines of a, c and e lie in `leader_app_accepted`. The one of"
        " b is the condition in `maybe_commit` of port/log.py. The one of"
        " d is the first that `handle_heartbeat` has.",
    ),
    discussion=(
        "Situation b is figure 8 in small: on a majority, and not"
        " committed. The leader sends on what node 1 lacks, and the next"
        " acknowledgement will commit all four at once.\n\n"
        "Nobody is told of a commit by a message of its own. It rides"
        " on appends, empty ones if need be, and on heartbeats, cut to"
        " what is known to match."
    ) + reasons(SITUATIONS),
    mutants=(
        mutant(
            "tells_one_only",
            "Only the node that answered hears of the commit.",
            "[a]\n"
            'role = "leader"\n'
            "term = 3\n"
            'sends = ["MsgApp to 1", "MsgApp to 3"]',
            "[a]\n"
            'role = "leader"\n'
            "term = 3\n"
            'sends = ["MsgApp to 1"]',
        ),
        mutant(
            "counts_old_terms",
            "A majority is enough, whatever the term.",
            "[b]\n"
            'role = "leader"\n'
            "term = 3\n"
            'sends = ["MsgApp to 1"]',
            "[b]\n"
            'role = "leader"\n'
            "term = 3\n"
            'sends = ["MsgApp to 1", "MsgApp to 3"]',
        ),
        mutant(
            "acts_on_old_news",
            "A late acknowledgement makes the leader send.",
            "[c]\n"
            'role = "leader"\n'
            "term = 3\n"
            "sends = []",
            "[c]\n"
            'role = "leader"\n'
            "term = 3\n"
            'sends = ["MsgApp to 1"]',
        ),
        mutant(
            "lets_it_guess",
            "Who is behind with the commit index learns it some day.",
            "[e]\n"
            'role = "leader"\n'
            "term = 3\n"
            'sends = ["MsgApp to 1"]',
            "[e]\n"
            'role = "leader"\n'
            "term = 3\n"
            "sends = []",
        ),
    ),
)  # fmt: skip
