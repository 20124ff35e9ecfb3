"""5.4: port stepFollower."""

from labs.runner.exercise import Exercise, Reading, mutant

EXERCISE = Exercise(
    id="5.4",
    title="A follower, message by message",
    minutes=40,
    package=__name__,
    file="follower.py",
    defines=("step_follower",),
    goal="port raft.go:1718-1779; all recordings stay as they are",
    stub_says="Still to be written: step_follower",
    reading=(
        Reading("step.md", "Step, whole"),
        Reading("failover.md", "The leader dies"),
    ),
    hints=(
        "Begin with the three messages that only a leader sends: append,"
        " heartbeat, snapshot. All three begin alike: the clock is set back,"
        " and their sender is the leader. Then one method of raft does the"
        " rest.",
        "Three kinds are passed on to the leader, if one is known: proposals,"
        " transfers, reads. `m.to = r.lead; r.send(m)`. Without a leader there"
        " is a log line each; a proposal raises as well, since somebody waits"
        " for an answer.",
        "For MsgTimeoutNow: `r.hup(CampaignType.Transfer)`, with CampaignType"
        " from port.raft. For MsgReadIndexResp append a ReadState (from"
        " port.read_only) to r.read_states, after looking at the number of"
        " entries. MsgForgetLeader does nothing under ReadOnlyLeaseBased, but"
        " says so at level error.",
        "Python joins neighbouring strings: mind the space at the seam. The"
        " check shows your line above the one that was recorded.",
    ),
    discussion=(
        "This is Go's shape: one switch. The port has a function for each case"
        " and a table that finds it; why, is a matter of reading, and the"
        " next exercises are about it.\n\n"
        "Look at what a follower does *not* do. It checks no terms: `Step` has"
        " done so before, and a message that gets here is of this term. It"
        " keeps no count of anything, asks nobody anything, and remembers"
        " nothing of what it passes on: whoever proposed by way of a follower"
        " hears nothing if the message is lost."
    ),
    mutants=(
        mutant(
            "does_not_set_the_clock_back",
            "It stands for election although the leader is alive.",
            "    r.election_elapsed = 0\n", "",
        ),
        mutant(
            "does_not_learn_the_leader",
            "Proposals are dropped, for it never knows who leads.",
            "    r.lead = m.from_ or NONE\n", "",
        ),
        mutant(
            "answers_for_the_leader",
            "A dropped proposal raises nothing.",
            "r.id, r.term)\n                raise ProposalDropped",
            "r.id, r.term)\n                return",
        ),
        mutant(
            "forwards_all_the_same",
            "disable_proposal_forwarding is not looked at.",
            "if r.disable_proposal_forwarding:", "if False:",
        ),
        mutant(
            "asks_before_it_stands",
            "A transfer begins with a pre-vote, which others refuse.",
            "r.hup(CampaignType.Transfer)", "r.hup(CampaignType.PreElection)",
        ),
        mutant(
            "forgets_under_a_lease",
            "The old leader may answer reads while a new one is elected.",
            "if r.read_only.option is ReadOnlyLeaseBased:", "if False:",
        ),
        mutant(
            "believes_any_answer",
            "An answer to a read without its context is handed out.",
            "if len(m.entries) != 1:", "if False:",
            "m.entries[0].data)", "(m.entries or [pb.Entry()])[0].data)",
        ),
        mutant(
            "says_it_otherwise",
            "A log line is not Go's.",
            "%x forgetting leader %x at term %d", "%x forgets %x at term %d",
        ),
        mutant(
            "resets_on_anything",
            "Any message sets the clock back.",
            "    log = r.logger\n", "    log = r.logger\n"
            "    r.election_elapsed = 0\n",
        ),
    ),
)  # fmt: skip
