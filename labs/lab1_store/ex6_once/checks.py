"""What 1.6 must do."""

from kv.commands import (
    Command,
    Result,
    Status,
    append,
    cas,
    close_session,
    delete,
    get,
    open_session,
    put,
)
from labs.lab1_store.ex2_machine.checks import Applied
from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading

DROPPED = Reading("write.md#whom-the-client-asks", "Whom the client asks")
TAKING = Reading("snapshots.md#taking-one", "Taking a snapshot")
STALE, EXPIRED = Result(Status.STALE), Result(Status.EXPIRED)


def of(client: int, number: int, command: Command) -> Command:
    return command._replace(client=client, sequence=number)


class Sessions(Applied):
    """The same, with sessions."""

    def session(self) -> int:
        came = self.do(open_session()).value
        self.t.holds(type(came) is int and came > 0, "0 means: no session",
                     repr(came), "a positive number")  # fmt: skip
        return came if isinstance(came, int) else 0


@check("a write that is tried again is done once", DROPPED)
def retry(t: Trial) -> None:
    m = Sessions(t)
    client = m.session()
    m.says(of(client, 1, append(b"k", b"x")), 1, "the first try")
    m.do(append(b"k", b"y"))
    m.says(of(client, 1, append(b"k", b"x")), 1,
           "a retry hears what the first try was answered")
    m.says(get(b"k"), b"xy", "a client that heard nothing tries again; what"
           " it asked for must be done once")  # fmt: skip
    m.says(of(client, 2, append(b"k", b"!")), 3, "the next number is new")


@check("a retry hears the first answer, also a refusal", DROPPED)
def refused(t: Trial) -> None:
    m = Sessions(t)
    client = m.session()
    unmet = Result(Status.UNMET, None)
    m.says(of(client, 1, cas(b"k", b"9", b"1")), unmet, "nothing stands there")
    m.do(put(b"k", b"9"))
    m.says(of(client, 1, cas(b"k", b"9", b"1")), unmet,
           "the client may have heard it already, and gone another way")
    m.says(get(b"k"), b"9", "nothing was swapped")  # fmt: skip
    m.says(of(client, 2, delete(b"k")), 1, "it was there")
    m.says(of(client, 2, delete(b"k")), 1, "the first answer, not 0")


@check("a straggler is refused", DROPPED)
def straggler(t: Trial) -> None:
    m = Sessions(t)
    client = m.session()
    m.do(of(client, 1, append(b"k", b"1")))
    m.do(of(client, 5, append(b"k", b"5")))
    for late in (1, 4, 0):
        m.says(of(client, late, append(b"k", b"x")), STALE,
               "the client has gone on to number 5: this try was under way"
               " for long, and must neither be done nor hear a later"
               " write's answer")  # fmt: skip
    m.says(get(b"k"), b"15", "nothing was done")


@check("sessions do not mix, and plain writes have none", DROPPED)
def apart(t: Trial) -> None:
    m = Sessions(t)
    one, two = m.session(), m.session()
    t.holds(one != two, "each session has an id of its own",
            f"{one} twice", "two numbers")  # fmt: skip
    m.says(of(one, 1, append(b"k", b"1")), 1, "the first of one session")
    m.says(of(two, 1, append(b"k", b"2")), 2, "the first of another")
    m.says(append(b"k", b"3"), 3, "client 0 is no session")
    m.says(append(b"k", b"3"), 4, "a plain write is done each time")
    m.says(of(one, 1, get(b"k")), b"1233", "reads are not guarded")


@check("a session that is not there is refused", DROPPED)
def gone(t: Trial) -> None:
    m = Sessions(t)
    m.says(of(77, 1, put(b"k", b"v")), EXPIRED,
           "whether it is a retry cannot be known any more")
    client = m.session()
    m.says(close_session(client), 1, "there was one")
    m.says(close_session(client), 0, "there was none")
    m.says(of(client, 1, put(b"k", b"v")), EXPIRED, "it was closed")
    m.says(get(b"k"), None, "nothing was done")  # fmt: skip


@check("sessions are in the snapshot", TAKING)
def snapshot(t: Trial) -> None:
    m = Sessions(t)
    client = m.session()
    m.do(of(client, 3, append(b"k", b"x")))
    twin = m.twin()
    t.called = "machine.load(dump), then the same append again"
    came = twin.do(of(client, 3, append(b"k", b"x")))
    t.same(came, Result(Status.OK, 1),
           "a node that starts from a snapshot must know a retry, too")
    twin.says(get(b"k"), b"x", "it was appended once")
    twin.says(of(client, 2, append(b"k", b"x")), STALE, "as before")
    twin.says(of(client, 4, append(b"k", b"y")), 2, "as before")  # fmt: skip


@check("an id is never given out twice", TAKING)
def ids(t: Trial) -> None:
    m = Sessions(t)
    client = m.session()
    m.do(close_session(client))
    twin = Sessions(t)
    twin.machine.load([m.dump()])
    twin.index = m.index
    came = twin.do(open_session()).value
    t.holds(
        came != client,
        "the old client may try again: it would be taken for the new one."
        " What every node knows, and what never comes twice, is the index",
        f"id {came!r}, which was given out before the snapshot", "another",
    )  # fmt: skip


@check("at most 10,000 sessions; the one used longest ago goes", DROPPED)
def bounded(t: Trial) -> None:
    m = Sessions(t)
    idle, busy = m.session(), m.session()
    for n in range(1, 10_002):
        m.do(open_session())
        if n % 5_000 == 0:
            m.do(of(busy, n, put(b"k", b"%d" % n)))
    m.says(of(idle, 1, put(b"k", b"v")), EXPIRED,
           "clients come and go; a table that only grows fills the memory of"
           " all nodes. By now 10,001 sessions were opened after this one")
    m.says(of(busy, 20_000, put(b"k", b"v")), None,
           "it was opened just as early, but used since")  # fmt: skip


@check("nodes forget the same sessions", TAKING)
def alike(t: Trial) -> None:
    one = Sessions(t)
    clients = [one.session() for _ in range(50)]
    for n, client in enumerate(reversed(clients), 1):
        one.do(of(client, n, append(b"k", b"x")))
    two = Sessions(t)
    two.machine.load([one.dump()])
    two.index = one.index
    for _ in range(9_975):
        one.machine.apply(one.index + 1, open_session())
        two.machine.apply(one.index + 1, open_session())
        one.index = two.index = one.index + 1
    t.called = "one node from a snapshot, one not; 9,975 sessions more"
    came = [
        [m.do(of(client, 99, put(b"k", b"v"))).status for client in clients]
        for m in (one, two)
    ]
    t.holds(
        came[0] == came[1],
        "the rule may only look at what the log and the snapshot say, so"
        " the order of last use is in the snapshot, too",
        f"they forgot {came[0].count(Status.EXPIRED)} and"
        f" {came[1].count(Status.EXPIRED)} of the first 50, or others",
        "the same ones",
    )


CHECKS = [
    retry, refused, straggler, apart, gone, snapshot, ids, bounded, alike,
]  # fmt: skip
