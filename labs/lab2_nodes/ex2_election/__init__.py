"""2.2: kill the leader, and say what happened."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="2.2",
    title="Kill the leader",
    minutes=30,
    package=__name__,
    file="election.toml",
    defines=(
        "leader_before", "term_before", "leader_after", "term_after",
        "milliseconds", "asked_first", "voters",
    ),
    goal="an election, seen in three logs at once",
    stub_says="run the cluster first",
    stub="stub.toml",
    reference="reference.toml",
    beside=("cluster", "labs/lab2_nodes/recorded"),
    reading=(
        Reading("elections.md#may-i-stand", "May I stand?"),
        Reading("elections.md#have-i-won", "Have I won?"),
    ),
    hints=(
        "Find the kill first: `grep kill labs/work/cluster/commands.log`."
        " What counts is the last time that a leader was killed.",
        "grep -h 'became leader' labs/work/cluster/*.log | sort shows all"
        " leaders in the order of time: the one before the kill, and the one"
        " after it, with their terms.",
        "grep -h -E 'starting a new election|cast MsgVote' on the three logs,"
        " sorted, shows who stood and who voted. The new leader's own vote"
        " stands in no `cast` line: it is the `received MsgVoteResp from`"
        " itself.",
    ),
    discussion=(
        "Look at where the time went. Most of the gap passed before anybody"
        " did anything: each follower waits one to two election timeouts,"
        " because it cannot tell a dead leader from a slow one. The election"
        " itself took some milliseconds: two round trips (one for the"
        " pre-vote, one for the vote) and as many syncs, for a vote is stored"
        " before it is given.\n\n"
        "So the way to a shorter gap is a shorter timeout, and its price is"
        " elections that nobody needed. The clients' gap is longer than the"
        " one you measured: they have to find the new leader, too."
    ),
    mutants=(
        mutant("names_the_successor", "The new leader is named for the old.",
               "leader_before = 2", "leader_before = 1"),
        mutant("takes_the_first_term", "The term of the start, not of the"
               " election.", "term_before = 2", "term_before = 1"),
        mutant("names_the_dead", "The dead leader is said to lead again.",
               "leader_after = 1", "leader_after = 2"),
        mutant("keeps_the_term", "The new leader is put into the old term.",
               "term_after = 3", "term_after = 2"),
        mutant("measures_the_vote_only", "The time from the first request to"
               " stand, without the silence before it.",
               "milliseconds = 616", "milliseconds = 7"),
        mutant("counts_seconds", "The gap in seconds.",
               "milliseconds = 616", "milliseconds = 0.616"),
        mutant("names_a_voter_as_candidate", "Who voted is said to have"
               " stood.", "asked_first = 1", "asked_first = 3"),
        mutant("forgets_its_own_vote", "The leader's vote for itself is left"
               " out.", "voters = [1, 3]", "voters = [3]"),
        mutant("lets_the_dead_vote", "All three are said to have voted.",
               "voters = [1, 3]", "voters = [1, 2, 3]"),
    ),
)  # fmt: skip
