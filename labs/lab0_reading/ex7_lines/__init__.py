"""0.7: twenty questions, each answered by a place in the code."""

from labs.lab0_reading.ex7_lines.questions import QUESTIONS
from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="0.7",
    title="Find the line",
    minutes=45,
    package=__name__,
    file="lines.toml",
    defines=tuple(q.key for q in QUESTIONS),
    goal="twenty promises, and the function that keeps each",
    stub_says="it is not filled in yet",
    stub="stub.toml",
    reference="reference.toml",
    reading=(Reading("one-sitting.md", "Raft in one sitting"),),
    hints=(
        "Search the code for a word of the question first: `vote`, `snapshot`,"
        " `quorum`. Then ask of each place what would happen without it.",
        "*Raft in one sitting* has a table of the paper's rules with links to"
        " the lines that keep them. Half of the answers are there.",
        "Functions that begin with leader_, follower_ or candidate_ are what"
        " a role does with one type of message. What holds for all roles are"
        " methods of Raft; those about terms begin with _step_.",
    ),
    discussion=(
        "Each answer leads to a walk:\n\n"
        + "\n".join(
            f"* {q.words} book/pages/{q.link.page}" for q in QUESTIONS
        )
        + "\n\nTwo questions have the same answer, and that is no accident:"
        " whether a vote is free and whether the log is good enough are two"
        " halves of one condition, and neither is worth anything alone."
    ),
    mutants=(
        mutant(
            "looks_where_it_is_counted",
            "The acknowledgement is taken for the place of the rule.",
            'figure_8 = "Raft.maybe_commit"',
            'figure_8 = "leader_app_accepted"',
        ),
        mutant(
            "looks_where_it_is_sent",
            "The answer is taken for the place where it waits.",
            'vote_and_disk = "Raft.send"',
            'vote_and_disk = "Raft._step_vote"',
        ),
        mutant(
            "confuses_the_terms",
            "A higher term and a lower one are mixed up.",
            'lease = "Raft._step_higher_term"',
            'lease = "Raft._step_lower_term"',
        ),
        mutant(
            "asks_the_wrong_side",
            "The leader's half of the hint is taken for the follower's.",
            'hint = "Raft.handle_append_entries"',
            'hint = "leader_app_rejected"',
        ),
        mutant(
            "looks_at_the_candidate",
            "The vote is looked for with whoever asks for it.",
            'two_votes = "Raft._step_vote"',
            'two_votes = "Raft.campaign"',
        ),
    ),
)  # fmt: skip
