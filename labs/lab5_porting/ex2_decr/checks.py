"""What 5.2 must do."""

from labs.lab5_porting.replaying import in_place_of, replay
from labs.making import progress
from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading
from port.tracker import Progress, StateProbe, StateReplicate, StateType

PROBE = Reading("tracker.md", "What a leader knows")
BACK = Reading("failover.md#two-kinds-of-tail", "Two kinds of tail")
COMMIT = Reading("leading.md", "Staying leader")


def ask(
    t: Trial, state: StateType, match: int, following: int, rejected: int,
    hint: int, sent_commit: int = 0,
) -> tuple[bool, Progress]:  # fmt: skip
    function = t.name("maybe_decr_to")
    pr = progress(state, match, following)
    pr._sent_commit = sent_commit
    t.called = (
        f"maybe_decr_to({state}, match={match}, next={following};"
        f" rejected={rejected}, match_hint={hint})"
        + (f", where _sent_commit is {sent_commit}" if sent_commit else "")
    )
    return function(pr, rejected, hint), pr


@check("while replicating, it goes back to what is known to match", PROBE)
def replicating(t: Trial) -> None:
    genuine, pr = ask(t, StateReplicate, 5, 12, 9, 9)
    t.same(genuine, True, "the follower lacks entry 9, and 9 is above match")
    t.same(pr.next, 6, "many appends may be on the way: only match is sure")


@check("while replicating, a refusal at or below match is stale", PROBE)
def replicating_stale(t: Trial) -> None:
    for rejected in (4, 5):
        genuine, pr = ask(t, StateReplicate, 5, 12, rejected, 2)
        t.same(genuine, False,
               "the follower has acknowledged this entry since"
               )  # fmt: skip
        t.same(pr.next, 12, "a stale refusal changes nothing")


@check("while probing, it goes to where the follower guesses", BACK)
def probing(t: Trial) -> None:
    genuine, pr = ask(t, StateProbe, 0, 10, 9, 4)
    t.same(genuine, True, "it is about the append that is on its way")
    t.same(pr.next, 5, "the entry after the one that may agree is sent next")


@check("while probing, it goes back by one at least", BACK)
def by_one(t: Trial) -> None:
    _, pr = ask(t, StateProbe, 0, 10, 9, 20)
    t.same(pr.next, 9,
           "a hint above what was refused must not move next forward, or"
           " leave it: the same append would be refused for ever")  # fmt: skip


@check("next stays above match", PROBE)
def above_match(t: Trial) -> None:
    _, pr = ask(t, StateProbe, 6, 8, 7, 0)
    t.same(pr.next, 7, "what is up to match is known to be there"
           )  # fmt: skip


@check("while probing, a refusal of another append is stale", PROBE)
def probing_stale(t: Trial) -> None:
    for rejected in (8, 10):
        genuine, pr = ask(t, StateProbe, 0, 10, rejected, 3)
        t.same(genuine, False,
               "one append is on its way, and builds on next - 1 = 9: this"
               " is not about it")  # fmt: skip
        t.same((pr.next, pr.msg_app_flow_paused), (10, True),
               "a stale refusal changes nothing: not next, and not"
               " msg_app_flow_paused")  # fmt: skip


@check("a genuine refusal lets the next probe out", PROBE)
def lets_out(t: Trial) -> None:
    _, pr = ask(t, StateProbe, 0, 10, 9, 4)
    t.same(pr.msg_app_flow_paused, False,
           "msg_app_flow_paused: the append that was waited for has been"
           " answered. Left paused, the follower waits for the next"
           " heartbeat")  # fmt: skip


@check("what was told of the commit index falls with next", COMMIT)
def sent_commit(t: Trial) -> None:
    for state in (StateReplicate, StateProbe):
        _, pr = ask(t, state, 3, 10, 9, 4, sent_commit=8)
        t.holds(
            pr._sent_commit == pr.next - 1,
            "those appends did not fit, so neither did the commit index in"
            " them arrive; kept high, the follower would not be told again",
            f"_sent_commit = {pr._sent_commit}, with next = {pr.next}",
            f"_sent_commit = {pr.next - 1}, which is next - 1",
        )  # fmt: skip


@check("all recordings stay as they are", BACK)
def recordings(t: Trial) -> None:
    with in_place_of(Progress, maybe_decr_to=t.name("maybe_decr_to")):
        replay(t)


CHECKS = [
    replicating, replicating_stale, probing, by_one, above_match,
    probing_stale, lets_out, sent_commit, recordings,
]  # fmt: skip
