"""What 1.4 must do: the right things in a safe order."""

import asyncio
from typing import cast

from labs.runner.checking import Trial, check, say
from labs.runner.exercise import Reading
from port import raftpb as pb
from port.chan import Chan
from port.node import Node
from port.raft import StateFollower
from port.read_only import ReadState
from port.types import Ready, SoftState

READY = Reading("node.md#a-ready", "A Ready")
LOOP = Reading("node.md#the-loop", "The loop")
END = Reading("node.md#ready-and-its-end", "Ready and its end")
SENT = Reading("write.md#what-may-leave-and-when", "What may leave, and when")
TAKING = Reading("snapshots.md#taking-one", "Taking a snapshot")
ANSWER = Reading("reads.md#answering", "Answering a read")
APPLY = Reading("commit.md#on-to-the-state-machine", "On to the state machine")

PATIENCE = 2000  # turns of the event loop

HARD = pb.HardState(3, 2, 9)
SNAPSHOT = pb.Snapshot(
    b"state", pb.SnapshotMetadata(pb.ConfState([1, 2, 3]), 7, 2)
)
NEW = [pb.Entry(3, 10, None, b"new"), pb.Entry(3, 11, None, b"newer")]
DONE = [pb.Entry(2, 8, None, b"a"), pb.Entry(3, 9, None, b"b")]
STORED = pb.Message(type=pb.MsgAppResp, to=2, from_=1, term=3, index=11)
READ = ReadState(9, b"read")
FOLLOWS = SoftState(2, StateFollower)


def everything() -> Ready:
    """A Ready that asks for all there is."""
    return Ready(FOLLOWS, HARD, [READ], NEW, SNAPSHOT, DONE, [STORED], True)


class Recorder:
    """A node and a replica that write down what happens, in order."""

    def __init__(self, t: Trial, readies: list[Ready], fail: str) -> None:
        self.t = t
        self.happened: list[tuple[str, object]] = []
        self.fail = fail
        self._readies = readies
        self._chan: Chan[Ready] = Chan()
        self._advanced = 0
        self.stuck = ""

    async def hand_out(self) -> None:
        """One at a time: the next when the last is dealt with."""
        for number, ready in enumerate(self._readies, 1):
            await self._chan.send(ready)
            self._note("ready", None)
            for _ in range(PATIENCE):
                if self._advanced == number:
                    break
                await asyncio.sleep(0)
            else:
                self.stuck = "node.advance() was not called"
                break
        self._chan.close()

    def _note(self, name: str, what: object) -> None:
        self.happened.append((name, what))
        if name == self.fail:
            raise OSError(5, f"{name} failed")

    def ready(self) -> Chan[Ready]:
        return self._chan

    async def advance(self) -> None:
        self._note("advance", None)
        self._advanced += 1

    async def store_snapshot(self, snapshot: pb.Snapshot) -> None:
        await asyncio.sleep(0)
        self._note("store_snapshot", snapshot)

    async def save(
        self,
        hard_state: pb.HardState | None,
        entries: list[pb.Entry],
        sync: bool,
    ) -> None:
        await asyncio.sleep(0)
        self._note("save", (hard_state, list(entries), sync))

    def send(self, messages: list[pb.Message]) -> None:
        if messages:
            self._note("send", list(messages))

    def restore(self, snapshot: pb.Snapshot) -> None:
        self._note("restore", snapshot)

    async def apply(self, entries: list[pb.Entry]) -> None:
        await asyncio.sleep(0)
        for entry in entries:
            self._note("apply", entry)

    def answer_reads(self, reads: list[ReadState]) -> None:
        if reads:
            self._note("answer_reads", list(reads))

    def observe(self, state: SoftState) -> None:
        self._note("observe", state)

    async def snapshot_if_due(self) -> None:
        self._note("snapshot_if_due", None)


def driven(
    t: Trial, readies: list[Ready], fail: str = ""
) -> list[tuple[str, object]]:
    """What happens when the loop is given these."""
    drive = t.name("drive")

    async def work() -> list[tuple[str, object]]:
        recorder = Recorder(t, readies, fail)
        node = asyncio.create_task(recorder.hand_out())
        loop = asyncio.create_task(drive(cast(Node, recorder), recorder))
        while not (loop.done() or node.done()):
            await asyncio.sleep(0)
        for _ in range(PATIENCE):
            if not loop.done():
                await asyncio.sleep(0)
        if not loop.done():
            t.wrong(
                "the loop must end when `node.ready()` does",
                "drive was still at work", "its return",
            )  # fmt: skip
        node.cancel()
        if recorder.stuck:
            t.wrong(
                "without it raft hands out nothing more: it waits for this"
                " Ready to be dealt with",
                recorder.stuck, "it, once for each Ready",
            )  # fmt: skip
        error = loop.exception()
        if isinstance(error, OSError) and fail:
            recorder.happened.append(("raised", str(error)))
        elif error is not None:
            raise error
        return recorder.happened

    t.called = f"drive, with {len(readies)} Ready"
    if fail:
        t.called += f", where {fail} fails"
    return t.run(work())


def names(happened: list[tuple[str, object]]) -> list[str]:
    short: list[str] = []
    for name, _ in happened:
        if name != "ready" and short[-1:] != [name]:
            short.append(name)
    return short


def in_order(t: Trial, first: str, then: str, why: str) -> None:
    came = names(driven(t, [everything()]))
    for name in (first, then):
        t.holds(name in came, "this Ready asks for it",
                f"{name} was not called, but {', '.join(came)}",
                f"a call of {name}")  # fmt: skip
    last = len(came) - 1 - came[::-1].index(first)
    t.holds(last < came.index(then), why, ", ".join(came),
            f"{first} before {then}")  # fmt: skip


@check("all that a Ready asks for is done", READY)
def everything_is_done(t: Trial) -> None:
    came = driven(t, [everything()])
    wanted: list[tuple[str, object]] = [
        ("observe", FOLLOWS), ("store_snapshot", SNAPSHOT),
        ("save", (HARD, NEW, True)), ("send", [STORED]),
        ("restore", SNAPSHOT), ("answer_reads", [READ]),
        ("snapshot_if_due", None), ("advance", None),
        *(("apply", e) for e in DONE),
    ]  # fmt: skip
    for name, value in wanted:
        t.holds(
            (name, value) in came, "see Ready in port/types.py, and Replica"
            " in kv/seams.py",
            f"no such call; there were {', '.join(names(came))}",
            f"{name}({'' if value is None else say(value)})",
        )


@check("entries and hard state are saved before messages leave", SENT)
def save_then_send(t: Trial) -> None:
    in_order(t, "save", "send",
             "the message says 'stored up to 11'. Crash after it, and the"
             " leader counts an entry that is nowhere")  # fmt: skip


@check("entries are saved before they are applied", APPLY)
def save_then_apply(t: Trial) -> None:
    in_order(t, "save", "apply",
             "what a client was answered must be there after a crash")


@check("a snapshot is stored first, then the entries behind it", TAKING)
def snapshot_then_save(t: Trial) -> None:
    in_order(t, "store_snapshot", "save",
             "the entries follow the snapshot: without it there is a gap")
    in_order(t, "store_snapshot", "send",
             "the message may say that the snapshot is there")  # fmt: skip


@check("a snapshot is restored when it is stored", TAKING)
def store_then_restore(t: Trial) -> None:
    in_order(t, "store_snapshot", "restore",
             "crash in between, and there is nothing to start from")
    in_order(t, "restore", "apply",
             "the entries follow the snapshot")  # fmt: skip


@check("reads are answered after what was applied", ANSWER)
def apply_then_answer(t: Trial) -> None:
    in_order(t, "apply", "answer_reads",
             "the read may wait for these very entries")  # fmt: skip


@check("a snapshot is taken after what was applied", TAKING)
def apply_then_snapshot(t: Trial) -> None:
    in_order(t, "apply", "snapshot_if_due",
             "it is due by what has been applied, and holds it")


@check("advance comes last", END)
def last(t: Trial) -> None:
    for name in ("save", "send", "apply"):
        in_order(t, name, "advance",
                 "it tells raft that all of this Ready is done; raft counts"
                 " this node's own copy from then on")  # fmt: skip


@check("a hard state without entries is saved", READY)
def hard_state(t: Trial) -> None:
    for sync in (True, False):
        came = driven(t, [Ready(hard_state=HARD, must_sync=sync)])
        saves = [what for name, what in came if name == "save"]
        t.same(saves, [(HARD, [], sync)],
               "a vote comes without entries; and must_sync tells whether it"
               " has to be durable")  # fmt: skip


@check("each part may come alone", READY)
def alone(t: Trial) -> None:
    for ready, wanted in (
        (Ready(soft_state=FOLLOWS), {"observe"}),
        (Ready(entries=NEW, must_sync=True), {"save"}),
        (Ready(snapshot=SNAPSHOT), {"store_snapshot", "restore"}),
        (Ready(messages=[STORED]), {"send"}),
        (Ready(committed_entries=DONE), {"apply"}),
        (Ready(read_states=[READ]), {"answer_reads"}),
        (Ready(snapshot=pb.Snapshot()), set()),
    ):
        came = driven(t, [ready])
        done = set(names(came)) - {"advance", "snapshot_if_due"}
        t.called = f"drive, with {say(ready)}"
        t.holds(done == wanted, "nothing more and nothing less; a snapshot"
                " of index 0 is none", ", ".join(sorted(done)) or "nothing",
                ", ".join(sorted(wanted)) or "nothing")  # fmt: skip


@check("one Ready is done before the next is taken", LOOP)
def one_by_one(t: Trial) -> None:
    readies = [
        Ready(hard_state=pb.HardState(n), committed_entries=[pb.Entry(1, n)])
        for n in range(1, 5)
    ]
    came = [
        what[0].term if name == "save" else what.index  # type: ignore
        for name, what in driven(t, readies)
        if name in ("save", "apply")
    ]
    t.same(came, [1, 1, 2, 2, 3, 3, 4, 4],
           "save and apply of the first, then of the second, and so on")


@check("a failure ends the loop, before harm is done", LOOP)
def failure(t: Trial) -> None:
    for fail in ("store_snapshot", "save"):
        came = names(driven(t, [everything(), everything()], fail))
        for never in ("send", "apply", "advance"):
            t.holds(
                never not in came,
                f"{fail} failed, so nothing of it may be relied on; let the"
                " error out, and the server stops",
                f"{', '.join(came)}", f"no {never} after it",
            )  # fmt: skip
        t.holds(came[-1] == "raised", "who started the loop must know",
                "drive returned without it", "the OSError")  # fmt: skip


CHECKS = [
    everything_is_done, save_then_send, save_then_apply, snapshot_then_save,
    store_then_restore, apply_then_answer, apply_then_snapshot, last,
    hard_state, alone, one_by_one, failure,
]  # fmt: skip
