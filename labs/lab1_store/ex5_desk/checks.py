"""What 1.5 must do."""

from random import Random
from typing import Any

from kv.commands import Result, append, decode, put
from kv.replica.answers import Failure
from labs.runner.checking import Trial, check, say
from labs.runner.exercise import Reading

ASKS = Reading("write.md#whom-the-client-asks", "Whom the client asks")
APPLY = Reading("commit.md#on-to-the-state-machine", "On to the state machine")
TAILS = Reading("failover.md#two-kinds-of-tail", "Two kinds of tail")
OK = Result()


class Client:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[Result | Failure] = []

    def __call__(self, answer: Result | Failure) -> None:
        self.heard.append(answer)


def desk_of(t: Trial, seed: int = 1) -> Any:  # noqa: ANN401
    return t.spy(t.name("Desk")(Random(seed)), "desk")


def quiet(t: Trial, client: Client, why: str) -> None:
    t.holds(not client.heard, why, f"it heard {say(client.heard)}",
            "nothing yet")  # fmt: skip


def heard(
    t: Trial, client: Client, unknown: bool, why: str
) -> None:
    """Sees that a client heard of one failure, of the right kind."""
    t.holds(
        len(client.heard) == 1 and isinstance(client.heard[0], Failure)
        and client.heard[0].unknown is unknown,
        why, f"the client heard {say(client.heard)}",
        f"one Failure with unknown={unknown}",
    )  # fmt: skip


@check("a client hears when its write is applied, not before", APPLY)
def acknowledged(t: Trial) -> None:
    desk, client = desk_of(t), Client()
    data = desk.submit(put(b"k", b"v"), 0.0, client)
    quiet(t, client, "proposed is not committed: the leader may die now, and"
          " the entry with it")  # fmt: skip
    t.holds(
        isinstance(data, bytes)
        and decode(data)._replace(tag=0) == put(b"k", b"v"),
        "these bytes go into the log, and each node decodes them",
        say(data), "encode(command), with a tag",
    )  # fmt: skip
    desk.tick(1.0)
    quiet(t, client, "its time is not up")
    desk.applied(data, OK)
    t.same(client.heard, [OK], "it was applied; the client waits for it")


@check("each client hears of its own write", APPLY)
def own(t: Trial) -> None:
    desk, one, two, three = desk_of(t), Client(), Client(), Client()
    first = desk.submit(append(b"k", b"x"), 0.0, one)
    second = desk.submit(append(b"k", b"x"), 0.0, two)
    third = desk.submit(put(b"k", b"v"), 0.0, three)
    t.holds(
        len({first, second, third}) == 3,
        "two clients asked for the same, and hear different answers: the"
        " bytes must differ. Command.tag is for that",
        "the same bytes twice", "other bytes for each write",
    )  # fmt: skip
    desk.applied(second, Result(value=1))
    desk.applied(first, Result(value=2))
    t.same((one.heard, two.heard), ([Result(value=2)], [Result(value=1)]),
           "entries may be committed in another order than they were"
           " submitted: one of them was dropped and tried again, say")
    quiet(t, three, "its write was not applied")  # fmt: skip


@check("what others wrote is nobody's here", APPLY)
def others(t: Trial) -> None:
    desk, client = desk_of(t), Client()
    desk.submit(put(b"k", b"v"), 0.0, client)
    other = desk_of(t, 2)
    data = other.submit(put(b"k", b"v"), 0.0, Client())
    desk.applied(data, OK)
    quiet(t, client, "most entries come from other nodes; and in the place"
          " where this one's would have been stands another's, if it lost an"
          " election")  # fmt: skip


@check("tags differ from those before a restart", APPLY)
def restarted(t: Trial) -> None:
    before, after = desk_of(t, 1), desk_of(t, 2)
    old = {before.submit(put(b"k", b"v"), 0.0, Client()) for _ in range(50)}
    new = {after.submit(put(b"k", b"v"), 0.0, Client()) for _ in range(50)}
    t.holds(
        not old & new,
        "entries of before the restart are applied again after it; with the"
        " same bytes they would be taken for new ones. The dice are there"
        " for that",
        f"{len(old & new)} of 50 writes have the bytes of another desk's",
        "none",
    )


@check("who has waited too long hears that the outcome is unknown", TAILS)
def late(t: Trial) -> None:
    desk, one, two = desk_of(t), Client(), Client()
    desk.submit(put(b"k", b"1"), 0.0, one)
    desk.submit(put(b"k", b"2"), 3.0, two)
    desk.tick(4.9)
    quiet(t, one, "5 seconds are not over")
    desk.tick(5.0)
    heard(t, one, True, "it may stand in other nodes' logs, and be committed"
          " tomorrow: 'not done' would be a lie, and 'done' as well")
    quiet(t, two, "it came at 3.0")
    desk.tick(8.0)
    heard(t, two, True, "its 5 seconds are over")  # fmt: skip


@check("nobody hears twice", ASKS)
def once(t: Trial) -> None:
    desk, one, two, three = desk_of(t), Client(), Client(), Client()
    first = desk.submit(put(b"k", b"1"), 0.0, one)
    second = desk.submit(put(b"k", b"2"), 0.0, two)
    third = desk.submit(put(b"k", b"3"), 4.0, three)
    desk.applied(second, OK)
    desk.applied(second, OK)
    desk.tick(5.0)
    desk.applied(first, OK)
    desk.tick(6.0)
    desk.refused(third)
    desk.tick(60.0)
    desk.stop()
    for client in (one, two, three):
        t.holds(
            len(client.heard) == 1, "the client has gone on to something"
            " else: a second answer would be taken for another request's",
            f"one heard {len(client.heard)} times", "once",
        )  # fmt: skip


@check("what raft refused is certainly not done", ASKS)
def refused(t: Trial) -> None:
    desk, client = desk_of(t), Client()
    desk.refused(desk.submit(put(b"k", b"v"), 0.0, client))
    heard(t, client, False, "it went nowhere, and the client may try again"
          " at once, and without a session: say so")  # fmt: skip


@check("who waits when the node stops hears so", ASKS)
def stopped(t: Trial) -> None:
    desk, one, two = desk_of(t), Client(), Client()
    desk.submit(put(b"k", b"1"), 0.0, one)
    desk.submit(put(b"k", b"2"), 0.0, two)
    desk.stop()
    for client in (one, two):
        heard(t, client, True, "its entry may be on its way")


CHECKS = [
    acknowledged, own, others, restarted, late, once, refused, stopped,
]  # fmt: skip
