"""What 5.3 must do."""

import itertools

from labs.lab5_porting.replaying import in_place_of, replay
from labs.making import Counted
from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading
from port.quorum import MajorityConfig

COUNT = Reading("quorum.md", "Enough of them")
JOINT = Reading("membership.md", "Replacing node 3")


def ask(t: Trial, *acked: int | None) -> int:
    """Voters 1, 2, ... have come so far; `None` was not heard of."""
    heard = {i: a for i, a in enumerate(acked, 1) if a is not None}
    shown = ", ".join("-" if a is None else str(a) for a in acked)
    function = t.name("committed_index")
    t.called = f"committed_index(voters who have come to: {shown or 'none'})"
    voters = MajorityConfig(range(1, len(acked) + 1))
    found: int = function(voters, Counted(heard))
    return found


@check("a voter alone has what it has", COUNT)
def alone(t: Trial) -> None:
    t.same(ask(t, 12), 12, "one of one is a majority")


@check("of three voters the middle one counts", COUNT)
def three(t: Trial) -> None:
    for order in itertools.permutations((3, 7, 9)):
        t.same(ask(t, *order), 7, "two of three have 7; one alone has 9")


@check("of four voters three are needed", COUNT)
def four(t: Trial) -> None:
    t.same(ask(t, 2, 5, 8, 9), 5,
           "8 is on two of four: half is no majority, the other half may"
           " elect a leader without it")  # fmt: skip


@check("of five voters three are needed", COUNT)
def five(t: Trial) -> None:
    t.same(ask(t, 9, 1, 4, 4, 8), 4, "9, 8 and a 4: three have 4")


@check("a voter who was not heard of has nothing", COUNT)
def unheard(t: Trial) -> None:
    t.same(ask(t, None, None, 9), 0, "nothing is known of two of three")
    t.same(ask(t, 5, None, 9), 5, "two of three have 5")
    t.same(ask(t, None), 0, "not `None`: an index is wanted")


@check("without voters nothing holds it back", JOINT)
def nobody(t: Trial) -> None:
    t.same(ask(t), 2**64 - 1,
           "that is INFINITY. A joint configuration takes the lower of two"
           " halves. If one is empty, the other one must decide: with 0 here"
           " nothing would ever be committed")  # fmt: skip


@check("strangers do not count", COUNT)
def strangers(t: Trial) -> None:
    function = t.name("committed_index")
    t.called = "committed_index(voters 1, 2, 3 at 4, 4, 2; learners 4, 5 at 9)"
    acked = Counted({1: 4, 2: 4, 3: 2, 4: 9, 5: 9})
    t.same(function(MajorityConfig((1, 2, 3)), acked), 4,
           "only the voters are asked")  # fmt: skip


@check("all recordings stay as they are", COUNT)
def recordings(t: Trial) -> None:
    function = t.name("committed_index")
    with in_place_of(MajorityConfig, committed_index=function):
        replay(t)


CHECKS = [alone, three, four, five, unheard, nobody, strangers, recordings]
