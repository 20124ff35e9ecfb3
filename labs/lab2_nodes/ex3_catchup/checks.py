"""What 2.3 compares: what was written down, and what the logs say."""

from labs.lab2_nodes import logs
from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading

START = Reading("boot.md#the-start-__init__", "The start")
STAND = Reading("elections.md#may-i-stand", "May I stand?")
TAILS = Reading("failover.md#the-leaders-side", "The leader's side")
SNAP = Reading("snapshots.md#sending-one", "Sending a snapshot")


@check("who came back, and with what", START)
def back(t: Trial) -> None:
    seen = logs.comeback(t, logs.read(t))
    t.answer("node", seen.node, "the leader that you had killed; if there"
             " were several, the last `kill` of a leader in commands.log"
             )  # fmt: skip
    line = "the line with `newRaft` in its log, the one behind the kill"
    t.answer("term", seen.term, f"{line}: what was stored, not what is now")
    t.answer("commit", seen.commit, f"{line}: it may be less than the last"
             " index, for a commit index need not be synced")  # fmt: skip
    t.answer("last", seen.last, f"{line}, `lastindex`")


@check("whom it followed", STAND)
def followed(t: Trial) -> None:
    seen = logs.comeback(t, logs.read(t))
    t.answer("leader", seen.leader,
             "the first `elected leader` in its log behind the start")
    t.answer("leader_term", seen.leader_term, "the same line says it")


@check("whether it stood for election itself", STAND)
def stood(t: Trial) -> None:
    seen = logs.comeback(t, logs.read(t))
    t.answer("stood", seen.asked,
             "look for `is starting a new election` behind its start. If the"
             " leader's heartbeat came later than its own timeout, it asked;"
             " with pre-vote that did no harm"
             )  # fmt: skip


@check("how it caught up", TAILS)
def how(t: Trial) -> None:
    seen = logs.comeback(t, logs.read(t))
    t.answer("by", seen.by,
             "if a snapshot came, its log says `took over a snapshot`. The"
             " leader keeps the last 5,000 entries and more: who has missed"
             " less gets entries")  # fmt: skip


CHECKS = [back, followed, stood, how]
