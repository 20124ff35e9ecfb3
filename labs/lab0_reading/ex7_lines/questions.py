"""Twenty questions: which function has the line?

Each is answered by the name of a function of port/raft.py, as the walks of the
book have it; the right one leads to that walk.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from labs.runner.exercise import Reading


class Question(NamedTuple):
    """One question.

    Attributes:
        key: Its key on the sheet.
        words: What is asked.
        symbol: The function, as `Raft.campaign` or `leader_prop`.
        page: Its home in the book.
        hint: Said when the answer is not right.
        also: Functions that have a part in it, and count as well.
    """

    key: str
    words: str
    symbol: str
    page: str
    hint: str
    also: tuple[str, ...] = ()

    @property
    def link(self) -> Reading:
        """Where the book walks through it."""
        return Reading(f"{self.page}#raft.{self.symbol}", self.symbol)


QUESTIONS: Final = (
    Question("figure_8", "Where is figure 8 prevented?",
             "Raft.maybe_commit", "commit.md",
             "the index of a majority meets the leader's own term"),
    Question("two_votes", "Where is a second vote in one term refused?",
             "Raft._step_vote", "elections.md",
             "whose vote is free?"),
    Question("shorter_log", "Where does a short log lose an election?",
             "Raft._step_vote", "elections.md",
             "the same place that looks at the vote"),
    Question("vote_and_disk", "Where does a vote begin to wait for the disk?",
             "Raft.send", "write.md",
             "some messages go into another list than the others"),
    Question("dice", "Where are elections kept from colliding for ever?",
             "Raft.reset_randomized_election_timeout", "index.md",
             "something is drawn anew with each role"),
    Question("vote_forgotten", "Where is a vote forgotten?",
             "Raft.reset", "becoming.md",
             "a new term begins: what belonged to the old one goes"),
    Question("empty_entry", "Where does a new leader write its empty entry?",
             "Raft.become_leader", "becoming.md",
             "it is among the first things that it does"),
    Question("index", "Where does an entry get its index?",
             "Raft.append_entry", "write.md",
             "the last index, and one more"),
    Question("quota", "Where is a proposal refused as too much is underway?",
             "Raft.increase_uncommitted_size", "write.md",
             "somebody counts bytes"),
    Question("empty_append", "Where is it decided what an append carries?",
             "Raft.maybe_send_append", "write.md",
             "the peer's next index, and the window"),
    Question("too_far_behind", "Where is a peer given up for a snapshot?",
             "Raft.maybe_send_snapshot", "snapshots.md",
             "only if it seems alive",
             ("Raft.maybe_send_append",)),
    Question("hint", "Where does a follower say where the logs may part?",
             "Raft.handle_append_entries", "failover.md",
             "in the answer to an append that does not fit"),
    Question("whole_terms", "Where does a leader pass over whole terms?",
             "leader_app_rejected", "failover.md",
             "on hearing the follower's hint"),
    Question("lease", "Where is a request for a vote ignored, term and all?",
             "Raft._step_higher_term", "step.md",
             "before the higher term is taken over"),
    Question("old_leader", "Where is an old leader told of the new term?",
             "Raft._step_lower_term", "step.md",
             "most messages of a lower term are passed over there"),
    Question("lonely", "Where does a leader see that it is alone?",
             "leader_check_quorum", "leading.md",
             "once an election timeout, if it is asked to"),
    Question("careful_beat", "Where is a commit index cut for a heartbeat?",
             "Raft.send_heartbeat", "leading.md",
             "a follower believes it; so no more than is known to match"),
    Question("one_change", "Where is a second change of members refused?",
             "_prop_conf_change", "membership.md",
             "while one has not been applied",
             ("_refuse_conf_change",)),
    Question("early_read", "Where does a read wait for a new leader's entry?",
             "leader_read_index", "reads.md",
             "before something of its own term is committed"),
    Question("no_pre_vote", "Where does a node stand as its leader says so?",
             "follower_timeout_now", "transfer.md",
             "a message says it; no pre-vote comes before"),
)  # fmt: skip


def sheet(blank: bool) -> str:
    """Returns the sheet, empty or filled in."""
    lines = [
        "# 0.7: find the line.",
        "#",
        "# Which function of port/raft.py has it? Write its name as the book",
        '# does: "Raft.campaign" for a method, "leader_prop" for a function.',
        "# One function may be the answer to two questions.",
    ]
    for q in QUESTIONS:
        answer = "?" if blank else q.symbol
        lines += ["", f"# {q.words}", f'{q.key} = "{answer}"']
    return "\n".join(lines) + "\n"
