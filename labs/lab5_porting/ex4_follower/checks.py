"""What 5.4 must do."""

from collections.abc import Sequence
from itertools import zip_longest

import port.raft
from labs.lab5_porting.replaying import in_place_of, replay
from labs.making import Heard, entries
from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading
from port import raftpb as pb
from port.errors import ProposalDropped
from port.raft import ReadOnlyLeaseBased

STEP = Reading("step.md", "Step, whole")
WRITE = Reading("write.md", "A write")
ALIVE = Reading("leading.md", "Staying leader")
READS = Reading("reads.md", "Reads")
HAND = Reading("transfer.md", "Handing over")


def told(t: Trial, node: Heard, m: pb.Message) -> Heard:
    """Steps a message into the learner's function, and returns the node."""
    stepped(t, node, m)
    return node


def stepped(t: Trial, node: Heard, m: pb.Message) -> object:
    """Steps a message in, and returns what the function returns."""
    function = t.name("step_follower")
    lead = node.raft.lead
    led = f"led by {lead}" if lead else "no leader known"
    t.called = (
        f"step_follower(node 2 at term 2, {led};"
        f" {m.type} from {m.from_ or 0})"
    )
    result: object = function(node.raft, m)
    return result


def says(t: Trial, node: Heard, *lines: str) -> None:
    """Sees what was logged; a line that differs is shown whole."""
    for came, expected in zip_longest(
        node.lines, lines, fillvalue="(nothing more is logged)"
    ):
        t.holds(came == expected, "the log is part of what a port keeps",
                came, expected)  # fmt: skip


def goes_to(t: Trial, node: Heard, why: str, *to: int) -> None:
    """Sees to whom messages have gone."""
    sent: Sequence[pb.Message] = node.sent()
    t.holds([m.to for m in sent] == [*to], why,
            addressed([m.to for m in sent]), addressed(to))  # fmt: skip


def addressed(to: Sequence[int | None]) -> str:
    """Says to whom messages go."""
    if not to:
        return "nothing is sent"
    return "sent to " + ", ".join(
        str(each) if each else "nobody (m.to is absent)" for each in to
    )


def prop() -> pb.Message:
    return pb.Message(type=pb.MsgProp, from_=2, entries=[pb.Entry(data=b"x")])


@check("a proposal goes to the leader", WRITE)
def proposal(t: Trial) -> None:
    node = told(t, Heard(lead=1), prop())
    goes_to(t, node, "the leader is 1", 1)
    t.same([m.type for m in node.sent()], [pb.MsgProp],
           "as it is: it is the same proposal")  # fmt: skip
    says(t, node)


@check("a proposal without a leader is dropped", WRITE)
def no_leader(t: Trial) -> None:
    node = Heard(lead=0)
    t.raises(ProposalDropped, lambda: stepped(t, node, prop()),
             "its sender must hear that nothing was done")  # fmt: skip
    goes_to(t, node, "there is nobody to send it to")
    says(t, node, "INFO 2 no leader at term 2; dropping proposal")


@check("a proposal that may not be passed on is dropped", WRITE)
def not_forwarded(t: Trial) -> None:
    node = Heard(lead=1, disable_proposal_forwarding=True)
    t.raises(ProposalDropped, lambda: stepped(t, node, prop()),
             "the application has asked for that")  # fmt: skip
    goes_to(t, node, "it must not be sent")
    says(t, node, "INFO 2 not forwarding to leader 1 at term 2; dropping"
                  " proposal")  # fmt: skip


@check("an append sets the clock back, and is handled", ALIVE)
def append(t: Trial) -> None:
    m = pb.Message(type=pb.MsgApp, from_=3, term=2, index=3, log_term=1,
                   entries=entries(4, [2]), commit=3)  # fmt: skip
    node = told(t, Heard(lead=0), m)
    t.same((node.raft.election_elapsed, node.raft.lead), (0, 3),
           "only a leader appends: it is alive, and it is who sent this")
    t.same(node.raft.raft_log.last_index(), 4, "its entry is appended")
    goes_to(t, node, "and acknowledged", 3)


@check("a heartbeat sets the clock back, and is answered", ALIVE)
def heartbeat(t: Trial) -> None:
    m = pb.Message(type=pb.MsgHeartbeat, from_=3, term=2, commit=2)
    node = told(t, Heard(lead=0), m)
    t.same((node.raft.election_elapsed, node.raft.lead), (0, 3),
           "only a leader sends heartbeats")  # fmt: skip
    t.same(node.raft.raft_log.committed, 2, "it tells the commit index")
    goes_to(t, node, "and wants to hear that this node lives", 3)


@check("a snapshot sets the clock back, and is handled", ALIVE)
def snapshot(t: Trial) -> None:
    metadata = pb.SnapshotMetadata(pb.ConfState(voters=[1, 2, 3]), 9, 2)
    m = pb.Message(type=pb.MsgSnap, from_=3, term=2,
                   snapshot=pb.Snapshot(b"", metadata))  # fmt: skip
    node = told(t, Heard(lead=0), m)
    t.same((node.raft.election_elapsed, node.raft.lead), (0, 3),
           "only a leader sends snapshots")  # fmt: skip
    t.same(node.raft.raft_log.last_index(), 9, "it is restored")


@check("a wish for another leader goes to the leader", HAND)
def transfer(t: Trial) -> None:
    m = pb.Message(type=pb.MsgTransferLeader, from_=3)
    goes_to(t, told(t, Heard(lead=1), m), "the leader decides", 1)
    node = told(t, Heard(lead=0), pb.Message(
        type=pb.MsgTransferLeader, from_=3
    ))  # fmt: skip
    goes_to(t, node, "there is nobody to ask")
    says(t, node,
         "INFO 2 no leader at term 2; dropping leader transfer msg"
         )  # fmt: skip


@check("it forgets the leader when it is told to", HAND)
def forget(t: Trial) -> None:
    node = told(t, Heard(lead=1), pb.Message(type=pb.MsgForgetLeader))
    t.same(node.raft.lead, 0, "now it may vote before its timeout")
    says(t, node, "INFO 2 forgetting leader 1 at term 2")
    node = told(t, Heard(lead=0), pb.Message(type=pb.MsgForgetLeader))
    says(t, node)


@check("with leases it does not forget the leader", READS)
def forget_lease(t: Trial) -> None:
    node = Heard(
        lead=1, read_only_option=ReadOnlyLeaseBased, check_quorum=True
    )
    told(t, node, pb.Message(type=pb.MsgForgetLeader))
    t.same(node.raft.lead, 1,
           "the leader may be answering reads, trusting that nobody votes"
           " against it yet")  # fmt: skip
    says(t, node,
         "ERROR ignoring MsgForgetLeader due to ReadOnlyLeaseBased"
         )  # fmt: skip


@check("told that it is time, it stands at once", HAND)
def timeout_now(t: Trial) -> None:
    node = told(t, Heard(lead=1, pre_vote=True), pb.Message(
        type=pb.MsgTimeoutNow, from_=1, term=2
    ))  # fmt: skip
    first = node.lines[0] if node.lines else "(nothing is logged)"
    wanted = (
        "INFO 2 [term 2] received MsgTimeoutNow from 1 and starts an"
        " election to get leadership."
    )
    t.holds(first == wanted, "first the log says why", first, wanted)
    asked = [m for m in node.sent() if m.type is pb.MsgVote and m.to != 2]
    t.same(len(asked), 2,
           "the leader vouches for it: no pre-vote, the real thing")
    t.same([m.context for m in asked], [b"CampaignTransfer"] * 2,
           "the votes' context: others must know that the leader wished it"
           )  # fmt: skip


@check("a read goes to the leader", READS)
def read(t: Trial) -> None:
    def question() -> pb.Message:
        return pb.Message(type=pb.MsgReadIndex, from_=2,
                          entries=[pb.Entry(data=b"q")])  # fmt: skip

    goes_to(t, told(t, Heard(lead=1), question()), "it knows the index", 1)
    node = told(t, Heard(lead=0), question())
    goes_to(t, node, "there is nobody to ask")
    says(t, node,
         "INFO 2 no leader at term 2; dropping index reading msg"
         )  # fmt: skip


@check("an answer to a read is handed to the application", READS)
def answered(t: Trial) -> None:
    m = pb.Message(type=pb.MsgReadIndexResp, from_=1, index=3,
                   entries=[pb.Entry(data=b"q")])  # fmt: skip
    states = told(t, Heard(lead=1), m).raft.read_states
    t.same([(s.index, s.request_ctx) for s in states], [(3, b"q")],
           "index and context, for the next Ready")  # fmt: skip
    bad = pb.Message(type=pb.MsgReadIndexResp, from_=1, index=3)
    node = told(t, Heard(lead=1), bad)
    t.same(node.raft.read_states, [], "without its context it is no answer")
    says(t, node, "ERROR 2 invalid format of MsgReadIndexResp from 1,"
                  " entries count: 0")  # fmt: skip


@check("all else is passed over in silence", STEP)
def others(t: Trial) -> None:
    for kind in (pb.MsgAppResp, pb.MsgHeartbeatResp, pb.MsgVoteResp,
                 pb.MsgUnreachable, pb.MsgBeat):  # fmt: skip
        node = told(t, Heard(lead=1), pb.Message(type=kind, from_=3, term=2))
        says(t, node)
        goes_to(t, node, "a follower has no use for it")
        t.same((node.raft.election_elapsed, node.raft.lead), (7, 1),
               "and it says nothing about who leads")  # fmt: skip


@check("all recordings stay as they are", STEP)
def recordings(t: Trial) -> None:
    with in_place_of(port.raft, step_follower=t.name("step_follower")):
        replay(t)


CHECKS = [
    proposal, no_leader, not_forwarded, append, heartbeat, snapshot,
    transfer, forget, forget_lease, timeout_now, read, answered, others,
    recordings,
]  # fmt: skip
