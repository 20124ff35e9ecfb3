"""0.2: five requests for a vote."""

from labs.lab0_reading.ex2_elections.checks import SITUATIONS
from labs.lab0_reading.situations import reasons
from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="0.2",
    title="Votes",
    minutes=25,
    package=__name__,
    file="elections.toml",
    defines=("a", "b", "c", "d", "e"),
    goal="five requests for a vote",
    stub_says="[a] is not filled in yet",
    stub="stub.toml",
    reference="reference.toml",
    reading=(Reading("elections.md", "Elections and pre-vote"),),
    hints=(
        "Three questions, in this order: do I look at the request at"
        " all? Is my vote free? Is the log good enough?",
        "A refusal is a message, of the same type as a vote. Only a"
        " request that is not looked at stays without an answer.",
        "The lines of a, b and c lie in `_step_vote`; those of d"
        " and e in `_step_higher_term`, around the word `lease`.",
    ),
    discussion=(
        "Three of five answers look alike from outside: MsgVoteResp to"
        " 3. A field tells yes from no, which is why counting messages"
        " proves nothing.\n\n"
        "In situation c the longer log loses. It is what keeps"
        " committed entries alive: whoever has an entry of a later term"
        " has heard of a later majority."
    ) + reasons(SITUATIONS),
    mutants=(
        mutant(
            "stays_in_its_term",
            "The term of a request is not taken over.",
            "[a]\n"
            'role = "follower"\n'
            "term = 3",
            "[a]\n"
            'role = "follower"\n'
            "term = 2",
        ),
        mutant(
            "says_nothing",
            "A refusal is silence.",
            "[b]\n"
            'role = "follower"\n'
            "term = 2\n"
            'sends = ["MsgVoteResp to 3"]',
            "[b]\n"
            'role = "follower"\n'
            "term = 2\n"
            "sends = []",
        ),
        mutant(
            "is_impressed_by_a_term",
            "A request in a lease takes the term along.",
            "[d]\n"
            'role = "follower"\n'
            "term = 2",
            "[d]\n"
            'role = "follower"\n'
            "term = 5",
        ),
        mutant(
            "answers_in_a_lease",
            "A request in a lease is refused aloud.",
            "[d]\n"
            'role = "follower"\n'
            "term = 2\n"
            "sends = []",
            "[d]\n"
            'role = "follower"\n'
            "term = 2\n"
            'sends = ["MsgVoteResp to 3"]',
        ),
        mutant(
            "obeys_the_lease_always",
            "Not even the old leader can end its lease.",
            "[e]\n"
            'role = "follower"\n'
            "term = 5\n"
            'sends = ["MsgVoteResp to 3"]',
            "[e]\n"
            'role = "follower"\n'
            "term = 2\n"
            "sends = []",
        ),
    ),
)  # fmt: skip
