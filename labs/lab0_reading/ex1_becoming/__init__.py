"""0.1: five messages, and what each makes of a node."""

from labs.lab0_reading.ex1_becoming.checks import SITUATIONS
from labs.lab0_reading.situations import reasons
from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="0.1",
    title="Terms and roles",
    minutes=25,
    package=__name__,
    file="becoming.toml",
    defines=("a", "b", "c", "d", "e"),
    goal="five messages, and what each makes of a node",
    stub_says="[a] is not filled in yet",
    stub="stub.toml",
    reference="reference.toml",
    reading=(Reading("becoming.md", "Becoming"),),
    hints=(
        "Begin with the term. Higher: is it taken over, and does the"
        " message say who leads? The same: is it one that only a leader"
        " sends? Lower: is anything sent at all?",
        "After a change of role the message is still dealt with, by the"
        " new role. So a heartbeat is answered, and an answer to an"
        " append falls on deaf ears.",
        "The lines lie in `_step_higher_term` (twice, and once for the"
        " question), in `_step_lower_term`, and in the function that a"
        " candidate has for appends.",
    ),
    discussion=(
        "Of five messages three move the node, and one more would have"
        " in the paper: there, a lower term is answered. Here silence"
        " does, since no message waits for its answer, and the next one"
        " in either direction tells the term.\n\n"
        "The pre-vote is the exception to the rule that a higher term"
        " is taken over. It has to be: a node that cannot win would"
        " otherwise push everybody into a new term with each question."
    ) + reasons(SITUATIONS),
    mutants=(
        mutant(
            "stays_leader",
            "A leader does not step down for a mere answer.",
            "[b]\n"
            'role = "follower"',
            "[b]\n"
            'role = "leader"',
        ),
        mutant(
            "wins_all_the_same",
            "A candidate goes on although the term has a leader.",
            "[c]\n"
            'role = "follower"',
            "[c]\n"
            'role = "candidate"',
        ),
        mutant(
            "answers_the_past",
            "A message of a lower term is answered.",
            "[d]\n"
            'role = "follower"\n'
            "term = 2\n"
            "sends = []",
            "[d]\n"
            'role = "follower"\n'
            "term = 2\n"
            'sends = ["MsgAppResp to 1"]',
        ),
        mutant(
            "takes_over_a_question",
            "A pre-vote opens the term that it asks about.",
            "[e]\n"
            'role = "leader"\n'
            "term = 3",
            "[e]\n"
            'role = "follower"\n'
            "term = 4",
        ),
        mutant(
            "forgets_to_answer",
            "The message that raises the term is not dealt with.",
            'sends = ["MsgHeartbeatResp to 3"]',
            "sends = []",
        ),
    ),
)  # fmt: skip
