"""What 5.7 asks, and why each answer is what it is."""

from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading

BOOT = Reading("boot.md", "Boot")
LOG = Reading("log.md", "The log")
COUNT = Reading("quorum.md", "Enough of them")
STEP = Reading("step.md", "Step, whole")
BECOMING = Reading("becoming.md", "Becoming")
TRACE = Reading("statetrace.md", "Seen by a model")


@check("dice and time come from outside", BOOT)
def outside(t: Trial) -> None:
    t.answer("dice", "Config.rand",
             "a timeout is drawn somewhere. Who can say what is drawn?")
    t.answer("clock", "tick",
             "raft has no clock. What does it count, and who calls that?"
             )  # fmt: skip


@check("what raft reads from, and is told", LOG)
def read(t: Trial) -> None:
    t.answer("disk_errors", "Storage",
             "raft asks somebody for the term; a test may be that somebody")
    t.answer("acks", "AckedIndexer",
             "counting needs no raft at all, only numbers from somebody"
             )  # fmt: skip


@check("what raft says and does", STEP)
def said(t: Trial) -> None:
    t.answer("sent", "msgs",
             "raft sends nothing. Where does it put what is to be sent?")
    t.answer("printed", "Logger", "somebody is handed each line")
    t.answer("role", "_step",
             "how does raft know which function its role has? A test can put"
             " another one there, as upstream's own do")  # fmt: skip
    t.answer("events", "TraceLogger",
             "it is no log for people: it has a receiver of its own"
             )  # fmt: skip


@check("which clean-ups are harmless", BECOMING)
def harmless(t: Trial) -> None:
    t.answer(
        "harmless", ["c", "d"],
        "take each of the six and ask what would come out otherwise. An order"
        " may be a promise (who is sent to first is in the recordings); a"
        " reset may undo what was done before it; a clause that looks"
        " superfluous may be the only way out of a state; next may run ahead"
        " of what is acknowledged",
    )


CHECKS = [outside, read, said, harmless]
