"""What 2.4 compares: the answers, and what the port does in that run."""

import re
from pathlib import Path

from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading
from port.quorum import MajorityConfig

RUN = Path(__file__).with_name("run.txt")
STAND = Reading("elections.md#may-i-stand", "May I stand?")
VOTE = Reading("elections.md#do-i-vote-for-you", "Do I vote for you?")
WON = Reading("elections.md#have-i-won", "Have I won?")
RANDOM = Reading(
    "boot.md#why-the-timeout-is-random", "Why the timeout is random"
)
WORDS = 20


class Run:
    """What the recording says; a test holds it to the port."""

    def __init__(self) -> None:
        text = RUN.read_text("utf-8")
        stood = re.findall(r"(\d) became candidate at term (\d)", text)
        won = re.findall(r"(\d) became leader at term (\d)", text)
        cast = re.findall(
            r"(\d) \[logterm.*cast MsgVote for (\d) .* at term (\d)", text
        )
        lost = re.findall(
            r"votes and \d vote rejections\n *INFO (\d) became follower", text
        )
        self.winner, self.winning_term = map(int, won[0])
        terms = {int(term) for _, term in stood} - {self.winning_term}
        (self.term,) = terms
        self.candidates = [int(n) for n, t in stood if int(t) == self.term]
        self.votes = {
            c: [c, *(int(n) for n, of, t in cast
                     if (int(of), int(t)) == (c, self.term))]
            for c in self.candidates
        }  # fmt: skip
        (self.found_out,) = map(int, lost)
        voters = MajorityConfig({1, 2, 3, 4})
        self.needed = len(voters) // 2 + 1


@check("in which term nobody won, and who stood", STAND)
def stood(t: Trial) -> None:
    run = Run()
    t.answer("term", run.term, "`became candidate at term` is said there,"
             " and `became leader` never")  # fmt: skip
    t.answer("candidates", run.candidates,
             "all that `became candidate` in that term")  # fmt: skip


@check("who voted for whom", VOTE)
def votes(t: Trial) -> None:
    run = Run()
    why = "`cast MsgVote for`, and each candidate its own vote"
    t.answer("voted_for_1", run.votes[1], why)
    t.answer("voted_for_4", run.votes[4], why)


@check("how many would have been enough", WON)
def needed(t: Trial) -> None:
    t.answer("needed", Run().needed, "more than half of four: with half,"
             " two leaders could have half each")  # fmt: skip


@check("why a vote was refused", VOTE)
def refusal(t: Trial) -> None:
    t.answer("refusal", "voted already",
             "the line with `rejected MsgVote from 4` shows node 2's log, its"
             " vote, and the candidate's log")  # fmt: skip


@check("who found out that it had lost", WON)
def found_out(t: Trial) -> None:
    t.answer("found_out", Run().found_out,
             "with two refusals of four, three votes are out of reach: who"
             " counts so many becomes a follower at once. The other one has"
             " not heard from everybody")  # fmt: skip


@check("how it ended", RANDOM)
def ended(t: Trial) -> None:
    run = Run()
    t.answer("winner", run.winner, "`became leader`")
    t.answer("winning_term", run.winning_term, "`became leader at term`")
    t.answer("ended_by", "random timeouts",
             "no late answer and no id had to do with it: who stood in the"
             " new term, and why nobody beside it?")  # fmt: skip


@check("the explanation", RANDOM)
def explained(t: Trial) -> None:
    text = t.name("explanation")
    t.called = f"explanation in {t.file}"
    words = len(str(text).split())
    t.holds(words >= WORDS,
            "two or three sentences; no program judges them, so write them"
            " for somebody who has not seen the run",
            f"{words} words", f"{WORDS} or more")  # fmt: skip


CHECKS = [stood, votes, needed, refusal, found_out, ended, explained]
