"""2.4: a split vote, explained from a recorded run."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="2.4",
    title="Explain a split vote",
    minutes=20,
    package=__name__,
    file="splitvote.toml",
    defines=(
        "term", "candidates", "voted_for_1", "voted_for_4", "needed",
        "refusal", "found_out", "winner", "winning_term", "ended_by",
        "explanation",
    ),
    goal="why an election can have no winner, and what ends that",
    stub_says="it is not filled in yet",
    stub="stub.toml",
    reference="reference.toml",
    reading=(
        Reading("elections.md#do-i-vote-for-you", "Do I vote for you?"),
        Reading("boot.md#why-the-timeout-is-random",
                "Why the timeout is random"),
    ),
    hints=(
        "Read the run from the top and keep a table: for each node its term,"
        " its role, and for whom it has voted in that term.",
        "A vote stands in two places: in the voter's line `cast MsgVote for`,"
        " and in the candidate's `received MsgVoteResp from`. One request was"
        " lost on its way (`dropped:`), so one node was never asked by one of"
        " the two.",
        "The refusal reads `[logterm: 1, index: 2, vote: 1] rejected MsgVote"
        " from 4 [logterm: 1, index: 2]`: the first bracket is the voter's,"
        " the second the candidate's. What differs?",
    ),
    discussion=(
        "A vote cannot be taken back, and there is one in a term: that is why"
        " two leaders in one term are impossible, and why an election can"
        " have no winner. Nothing is wrong then; the term is spent, and the"
        " next one begins.\n\n"
        "With an even number of voters a split needs two candidates, with an"
        " odd number three, or a lost voter. That is one reason for odd"
        " numbers.\n\n"
        "The randomised timeout does not rule a split out. It makes it"
        " unlikely that two stand at the same time, again and again; the"
        " chapter *Boot* counts how unlikely."
    ),
    mutants=(
        mutant("takes_the_winning_term", "The term with a winner is named.",
               "\nterm = 1", "\nterm = 2"),
        mutant("lets_everybody_stand", "Node 2 stood later, in another term.",
               "candidates = [1, 4]", "candidates = [1, 2, 4]"),
        mutant("forgets_own_votes", "Candidates vote for themselves.",
               "voted_for_1 = [1, 2]", "voted_for_1 = [2]"),
        mutant("counts_a_lost_request", "Node 3 never heard of node 1.",
               "voted_for_4 = [3, 4]", "voted_for_4 = [4]"),
        mutant("is_content_with_half", "Two of four are no majority.",
               "needed = 3", "needed = 2"),
        mutant("blames_the_log", "The logs were equal.",
               '"voted already"', '"older log"'),
        mutant("names_the_one_that_waits", "Node 1 had heard one refusal.",
               "found_out = 4", "found_out = 1"),
        mutant("believes_in_ids", "Raft never compares ids.",
               '"random timeouts"', '"a higher id"'),
        mutant("explains_nothing", "The explanation is missing.",
               'explanation = """', 'explanation = "x"\nnotes = """'),
    ),
)  # fmt: skip
