"""0.6: from the timeout to the first cut tail."""

from labs.lab0_reading.ex6_failover.checks import SITUATIONS
from labs.lab0_reading.situations import reasons
from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="0.6",
    title="The leader dies",
    minutes=25,
    package=__name__,
    file="failover.toml",
    defines=("a", "b", "c", "d", "e"),
    goal="from the timeout to the first cut tail",
    stub_says="[a] is not filled in yet",
    stub="stub.toml",
    reference="reference.toml",
    reading=(Reading("failover.md", "The leader dies"),),
    hints=(
        "A candidate asks everybody, votes for itself, and its vote"
        " waits for its disk like any other: it is a message to itself.",
        "A winner begins with an entry of its own. That is an append to"
        " both others, and an acknowledgement to itself.",
        "The lines: `tick_election`, `_step_hup`,"
        " `candidate_vote_resp`, and for the two appends"
        " `handle_append_entries` and port/log.py's `maybe_append`.",
    ),
    discussion=(
        "The two appends get answers of one type. The first is a"
        " refusal with a hint, the second an acknowledgement of index 3:"
        " entry 4 is gone, and the acknowledgement does not mention it.\n\n"
        "Between a and b lies one setting. With pre-vote nothing is"
        " lost by asking: the term is the old one until somebody could"
        " win."
    ) + reasons(SITUATIONS),
    mutants=(
        mutant(
            "spares_the_dead",
            "The dead leader is not asked for its vote.",
            'sends = ["MsgVote to 1", "MsgVote to 3", "MsgVoteResp to 2"]',
            'sends = ["MsgVote to 3", "MsgVoteResp to 2"]',
        ),
        mutant(
            "opens_a_term_by_asking",
            "A pre-vote opens the term.",
            "[b]\n"
            'role = "precandidate"\n'
            "term = 2",
            "[b]\n"
            'role = "precandidate"\n'
            "term = 3",
        ),
        mutant(
            "waits_for_the_third",
            "Two of three votes are not enough.",
            "[c]\n"
            'role = "leader"',
            "[c]\n"
            'role = "candidate"',
        ),
        mutant(
            "leads_in_silence",
            "A winner waits for the first write.",
            'sends = ["MsgApp to 1", "MsgApp to 3", "MsgAppResp to 2"]',
            "sends = []",
        ),
        mutant(
            "refuses_in_silence",
            "What does not fit is not answered.",
            "[d]\n"
            'role = "follower"\n'
            "term = 3\n"
            'sends = ["MsgAppResp to 3"]',
            "[d]\n"
            'role = "follower"\n'
            "term = 3\n"
            "sends = []",
        ),
    ),
)  # fmt: skip
