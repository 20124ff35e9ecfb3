"""What 2.2 compares: what was written down, and what the logs say."""

from labs.lab2_nodes import logs
from labs.runner.checking import Trial, check, say
from labs.runner.exercise import Reading

STAND = Reading("elections.md#may-i-stand", "May I stand?")
VOTE = Reading("elections.md#do-i-vote-for-you", "Do I vote for you?")
WON = Reading("elections.md#have-i-won", "Have I won?")
SILENT = Reading("leading.md#when-no-answer-comes", "When no answer comes")
TOLERANCE = 5  # milliseconds


@check("who led, and in which term", SILENT)
def before(t: Trial) -> None:
    seen = logs.election(t, logs.read(t))
    t.answer("leader_before", seen.leader_before,
             "the last node that says `became leader` before the kill")
    t.answer("term_before", seen.term_before,
             "the same line says in which term. A term in which it was"
             " merely alive is not it")  # fmt: skip


@check("who led next, and in which term", WON)
def after(t: Trial) -> None:
    seen = logs.election(t, logs.read(t))
    t.answer("leader_after", seen.leader_after,
             "the first node that says `became leader` after the kill")
    t.answer("term_after", seen.term_after,
             "an election is in a new term: the line says in which"
             )  # fmt: skip


@check("how long nobody led", SILENT)
def gap(t: Trial) -> None:
    seen = logs.election(t, logs.read(t))
    came = t.name("milliseconds")
    t.called = f"milliseconds in {t.file}"
    if type(came) not in (int, float):
        t.wrong("it is written in another way than `check` reads it",
                f"milliseconds = {say(came)}", "a number, without quotes"
                )  # fmt: skip
    t.holds(
        abs(came - seen.milliseconds) <= TOLERANCE,
        "from the line with `kill` in commands.log to `became leader` in the"
        " new leader's log. Most of it is silence that the others wait out"
        " before anybody stands; the election itself is short",
        f"milliseconds = {say(came)}", "another number",
    )  # fmt: skip


@check("who stood first", STAND)
def asked(t: Trial) -> None:
    seen = logs.election(t, logs.read(t))
    t.answer("asked_first", seen.asked_first,
             "the first `is starting a new election` after the kill. With"
             " pre-vote a node asks first whether it could win")  # fmt: skip


@check("who voted for the new leader", VOTE)
def votes(t: Trial) -> None:
    seen = logs.election(t, logs.read(t))
    t.answer("voters", seen.voters,
             "each voter's own log says `cast MsgVote for`, with the term; a"
             " candidate votes for itself without such a line. MsgPreVote"
             " is no vote, and the dead cast none")  # fmt: skip


CHECKS = [before, after, gap, asked, votes]
