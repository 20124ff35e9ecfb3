"""What 1.3 must do; 3.4, which builds on it, uses the model and the steps."""

import asyncio
import copy
import random
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from kv.seams import Damaged, Identity, NotOurs, Recovered
from kv.sim.disk import Crashed, Operation, SimDisk, crash_at, fail_at
from labs.runner.checking import Trial, check, say
from labs.runner.exercise import Reading
from port import raftpb as pb

SAVING = Reading("node.md#the-loop", "The loop")
VOTES = Reading("elections.md", "Elections and pre-vote")
TAILS = Reading("failover.md#two-kinds-of-tail", "Two kinds of tail")
TAKING = Reading("snapshots.md#taking-one", "Taking a snapshot")

US = Identity(cluster=7, node=1)
FOLDER = "data/wal"
Hard = tuple[int, int, int]


def hard_of(state: pb.HardState | None) -> Hard:
    if state is None:
        return (0, 0, 0)
    return (state.term or 0, state.vote or 0, state.commit or 0)


def run_of(first: int, last: int, term: int = 1) -> list[pb.Entry]:
    return [
        pb.Entry(term, i, None, b"entry %d" % i)
        for i in range(first, last + 1)
    ]


def meta(index: int, term: int) -> pb.SnapshotMetadata:
    return pb.SnapshotMetadata(pb.ConfState([1, 2, 3]), index, term)


class Save(NamedTuple):
    """A step: entries, hard state, or both."""

    hard: pb.HardState | None
    entries: list[pb.Entry]
    sync: bool = True

    async def at(self, log: Any) -> None:  # noqa: ANN401
        await log.save(self.hard, self.entries, self.sync)


class Mark(NamedTuple):
    """A step: a snapshot is marked."""

    upto: int
    term: int

    async def at(self, log: Any) -> None:  # noqa: ANN401
        await log.mark(meta(self.upto, self.term))


Step = Save | Mark


class Model:
    """A log that cannot lose anything.

    Attributes:
        entries: All, by index; also those that a log may drop.
        before: Up to where it may drop them.
        hard: The last hard state; `sure`: the last that must be there.
        mark: Index and term of the last snapshot.
    """

    def __init__(self) -> None:
        self.entries: dict[int, pb.Entry] = {}
        self.hard: Hard = (0, 0, 0)
        self.sure: Hard = (0, 0, 0)
        self.mark = (0, 0)
        self.before = 0

    def take(self, step: Step) -> None:
        if isinstance(step, Mark):
            if step.upto <= self.mark[0]:
                return
            self.before = self.mark[0]
            self.mark = (step.upto, step.term)
            held = self.entries.get(step.upto)
            if held is None or held.term != step.term:
                self.entries = {}
                self.before = step.upto
            return
        if step.hard is not None:
            self.hard = hard_of(step.hard)
        if step.sync or step.entries:
            self.sure = self.hard
        if step.entries:
            first = step.entries[0].index or 0
            self.entries = {
                i: e for i, e in self.entries.items() if i < first
            }
            self.entries.update((e.index or 0, e) for e in step.entries)

    def differs(self, found: Recovered) -> tuple[str, str] | None:
        """Returns what came and what was expected, if they differ."""
        now = hard_of(found.hard_state)
        if now[:2] != self.sure[:2] or not (
            self.sure[2] <= now[2] <= self.hard[2]
        ):
            return (
                f"the hard state is (term, vote, commit) {now}",
                f"{self.sure}, which was saved",
            )
        mark = found.snapshot.index or 0, found.snapshot.term or 0
        if mark != self.mark:
            return f"the mark is {mark}", f"{self.mark}"
        there = [e.index or 0 for e in found.entries]
        if there != list(range(there[0], there[-1] + 1) if there else ()):
            return f"entries {there}", "indexes without gaps"
        for e in found.entries:
            if e != self.entries.get(e.index or 0):
                return say(e), say(self.entries.get(e.index or 0))
        first = min(there, default=1 << 62)
        for i, e in self.entries.items():
            if i not in there and i > min(self.before, first):
                return f"entry {i} is not there", say(e)
        return None


def script(seed: int, length: int, marks: bool = True) -> list[Step]:
    """Returns steps such as a node takes, elections and all."""
    dice = random.Random(seed)
    terms = [0]
    term = commit = marked = 0
    steps: list[Step] = []
    while len(steps) < length:
        kind = dice.choice("aaaaehhm" if marks else "aaaaehh")
        last = len(terms) - 1
        if kind in "ae":
            first, state = last + 1, None
            if kind == "e" or not term:
                term += 1
                state = pb.HardState(term, dice.randrange(4), commit)
                first = commit + 1 + dice.randrange(last - commit + 1)
            del terms[first:]
            new = []
            for _ in range(dice.randrange(1, 4)):
                data = dice.randbytes(dice.randrange(40))
                new.append(pb.Entry(term, len(terms), None, data))
                terms.append(term)
            steps.append(Save(state, new))
        elif kind == "h" and term:
            commit += dice.randrange(last - commit + 1)
            state = pb.HardState(term, 0, commit)
            steps.append(Save(state, [], dice.random() < 0.5))
        elif kind == "m" and marked < commit:
            marked += dice.randrange(commit - marked) + 1
            steps.append(Mark(marked, terms[marked]))
    # The vote must not change within a term.
    votes: dict[int, int] = {}
    for step in steps:
        if isinstance(step, Save) and step.hard is not None:
            t, v, _ = hard_of(step.hard)
            step.hard.vote = votes.setdefault(t, v)
    return steps


def what(steps: list[Step]) -> str:
    """Says what was done, shortly."""
    said = []
    for s in steps[-4:]:
        if isinstance(s, Mark):
            said.append(f"mark({s.upto})")
        else:
            at = [e.index for e in s.entries]
            many = f"entries {at[0]} to {at[-1]}" if at else "no entries"
            state = "" if s.hard is None else f", {say(s.hard)}"
            said.append(f"save({many}{state})")
    return ("... " if len(steps) > 4 else "") + ", ".join(said)


async def opened(
    t: Trial, disk: SimDisk, who: Identity = US
) -> tuple[Any, Recovered]:
    open_log = t.name("open_log")
    found = await open_log(disk, FOLDER, who)
    t.holds(
        isinstance(found, tuple) and len(found) == 2
        and isinstance(found[1], Recovered),
        "the server needs both", say(found), "a log and a Recovered",
    )  # fmt: skip
    return found[0], found[1]


async def done(t: Trial, steps: list[Step]) -> tuple[SimDisk, Model]:
    """A disk on which the steps were done, the log closed; and a model."""
    disk, model = SimDisk(reserves=False), Model()
    log, _ = await opened(t, disk)
    for number, step in enumerate(steps, 1):
        t.called = what(steps[:number])
        await step.at(log)
        model.take(step)
    await log.close()
    return disk, model


def compare(
    t: Trial, model: Model, found: Recovered, called: str, why: str
) -> None:
    if wrong := model.differs(found):
        t.called = called
        t.wrong(why, *wrong)


async def reopened(t: Trial, steps: list[Step], why: str) -> Recovered:
    disk, model = await done(t, steps)
    t.called = f"{what(steps)}, close(), open_log"
    _, found = await opened(t, disk)
    compare(t, model, found, t.called, why)
    return found


@check("what was saved is there after a restart", SAVING)
def saved(t: Trial) -> None:
    async def work() -> None:
        await reopened(t, [], "a new log holds nothing")
        await reopened(
            t, [Save(pb.HardState(1, 1, 0), run_of(1, 3))],
            "raft counts on it: it has told others that this is stored",
        )
        await reopened(
            t,
            [
                Save(pb.HardState(1, 2, 0), run_of(1, 3)),
                Save(None, run_of(4, 5)),
                Save(pb.HardState(1, 2, 5), []),
                Save(pb.HardState(7, 3, 5), []),
            ],
            "a hard state comes without entries, too: a vote, say. Who forgets"
            " for whom it voted votes twice",
        )  # fmt: skip

    t.run(work())


@check("an entry comes back as it was", SAVING)
def as_it_was(t: Trial) -> None:
    entries = [
        pb.Entry(term=1, index=1),
        pb.Entry(term=1, index=2, type=pb.EntryNormal, data=b""),
        pb.Entry(term=3, index=3, type=pb.EntryConfChange, data=b"\n\xff"),
        pb.Entry(term=3, index=4, type=pb.EntryConfChangeV2),
        pb.Entry(term=9, index=5, data=bytes(70_000)),
    ]
    t.run(reopened(
        t, [Save(None, entries)],
        "type and data; None is not the same as b'' or EntryNormal, for raft"
        " counts the bytes",
    ))  # fmt: skip


@check("later entries replace earlier ones", TAILS)
def replaced(t: Trial) -> None:
    t.run(reopened(
        t,
        [
            Save(pb.HardState(1, 0, 3), run_of(1, 9, term=1)),
            Save(pb.HardState(2, 0, 3), run_of(4, 5, term=2)),
        ],
        "a new leader's entry 4 takes the place of the old one, and of all"
        " that followed it",
    ))  # fmt: skip


@check("it goes on after each restart", SAVING)
def restarts(t: Trial) -> None:
    async def work() -> None:
        disk, model = SimDisk(reserves=False), Model()
        for n in range(1, 6):
            log, found = await opened(t, disk)
            compare(t, model, found, f"restart number {n}", "it was saved")
            step = Save(pb.HardState(n, 0, n - 1), run_of(n, n, n))
            await step.at(log)
            model.take(step)
            await log.close()

    t.run(work())


@check("after a power cut, what was synced is there", SAVING)
def power_cut(t: Trial) -> None:
    async def work() -> None:
        for seed in range(12):
            disk, model = SimDisk(reserves=False), Model()
            log, _ = await opened(t, disk)
            steps: list[Step] = [
                Save(pb.HardState(1, 1, 0), run_of(1, 2)),
                Save(pb.HardState(1, 1, 2), run_of(3, 3)),
            ]
            for step in steps:
                await step.at(log)
                model.take(step)
            t.called = f"{what(steps)}; then a power cut, and open_log"
            t.why = "what was synced is there as it was written"
            _, found = await opened(t, disk.restart(random.Random(seed)))
            compare(
                t, model, found, t.called,
                "save had returned. What is written and not synced may be"
                " lost; so may a new file's name, until its folder is synced",
            )  # fmt: skip

    t.run(work())


async def crash(
    t: Trial, steps: list[Step], number: int, fate: int,
    open_again: Callable[[Trial, SimDisk], Any] = opened,
) -> bool:  # fmt: skip
    """Lets the machine stop at a disk operation; False if there is none."""
    disk, model = SimDisk(crash_at(number), reserves=False), Model()
    maybe, at = model, 0
    try:
        log, _ = await opened(t, disk)
        for step in steps:
            maybe, at = copy.deepcopy(model), at + 1
            maybe.take(step)
            await step.at(log)
            model = maybe
        return False
    except Crashed:
        pass
    how = "the power is cut" if fate else "the process is killed"
    t.called = f"{what(steps[:at]) or 'open_log'}; {how} at disk operation"
    t.called += f" {number}"
    t.why = (
        "then the log must open. What was written last may be there in part,"
        " with zeros where nothing has arrived; all before it is as it was"
    )
    disk = disk.restart(random.Random(fate) if fate else None)
    log, found = await open_again(t, disk)
    wrong = model.differs(found)
    if wrong is not None and maybe.differs(found) is not None:
        t.wrong(
            "what was saved before must be there, and the save under way"
            " either whole or not at all",
            *wrong,
        )
    # And it must be fit to go on.
    term = 1 + max(hard_of(found.hard_state)[0], model.hard[0])
    last = max([0, *(e.index or 0 for e in found.entries)])
    last = max(last, found.snapshot.index or 0)
    more = run_of(last + 1, last + 1, term)
    called = f"{t.called}; then open_log, save(entry {last + 1}), open_log"
    t.called = called
    await log.save(pb.HardState(term, 1, 0), more, True)
    await log.close()
    _, again = await opened(t, disk)
    t.called = called
    t.holds(
        again.entries[-1:] == more
        and hard_of(again.hard_state) == (term, 1, 0),
        "what was saved after the crash must be read back, too",
        say(again.entries[-1:]), say(more),
    )  # fmt: skip
    return True


@check("a crash at any disk operation leaves a sound log", SAVING)
def crashes(t: Trial) -> None:
    async def work() -> None:
        steps = script(3, 9, marks=False)
        number = 0
        while all([await crash(t, steps, number, f) for f in range(5)]):
            number += 1
        t.called = "open_log and nine saves"
        t.holds(number > 9, "each save has to reach the disk",
                f"{number} disk operations", "more")  # fmt: skip

    t.run(work())


@check("a torn end is cut off, and a note says so", SAVING)
def torn(t: Trial) -> None:
    async def work() -> None:
        disk, model = await done(t, [
            Save(pb.HardState(1, 1, 0), run_of(1, 3)),
            Save(pb.HardState(1, 1, 3), run_of(4, 4)),
        ])  # fmt: skip
        log, found = await opened(t, disk)
        t.same(found.notes, (), "there is nothing to tell of a sound log")
        before = disk.files()
        await log.save(None, [pb.Entry(1, 5, None, bytes(2000))], True)
        for path, whole in disk.files().items():
            start = len(before.get(path, b""))
            for size in range(start + 1, len(whole), 97):
                cut = SimDisk(reserves=False)
                for name, content in disk.files().items():
                    cut.put(name, content)
                cut.put(path, whole[:size])
                t.called = f"open_log; the last save stops at byte {size}"
                _, found = await opened(t, cut)
                compare(t, model, found, t.called,
                        "nobody was told that it is stored")  # fmt: skip
                t.holds(
                    found.notes, "a person should know that a save was lost",
                    "Recovered.notes is empty", "a line of text",
                )  # fmt: skip

    t.run(work())


@check("damage is refused, not cut off", SAVING)
def damage(t: Trial) -> None:
    async def work() -> None:
        disk = SimDisk(reserves=False)
        log, _ = await opened(t, disk)
        await log.save(pb.HardState(1, 2, 0), run_of(1, 2), True)
        early = disk.files()
        await log.save(pb.HardState(1, 2, 1), run_of(3, 4), True)
        await log.close()
        late = disk.files()
        for path, content in early.items():
            for bit in range(0, len(content.rstrip(b"\0")) * 8, 5):
                bad = SimDisk(reserves=False)
                for name, whole in late.items():
                    bad.put(name, whole)
                bad.flip(path, bit)
                t.called = f"open_log; bit {bit % 8} of byte {bit // 8} of"
                t.called += f" {path} has flipped, a save follows it"
                try:
                    _, found = await opened(t, bad)
                except (Damaged, NotOurs):
                    continue
                t.wrong(
                    "this save was promised to others. To cut it off, or to"
                    " believe it, breaks the promise",
                    f"it opened with {say(found.entries)}", "Damaged",
                )  # fmt: skip

    t.run(work())


@check("the log of another node or cluster is refused", SAVING)
def strangers(t: Trial) -> None:
    async def work() -> None:
        disk, _ = await done(t, [Save(None, run_of(1, 2))])
        for other in (Identity(7, 2), Identity(8, 1)):
            t.called = f"open_log of {US} by {other}"
            await t.araises(
                NotOurs, partial(opened, t, disk, other),
                "a node with another's log has never said what the log says",
            )  # fmt: skip

    t.run(work())


@check("a failure is passed on, and final", SAVING)
def final(t: Trial) -> None:
    async def work(kind: str) -> None:
        disk = SimDisk(reserves=False)
        log, _ = await opened(t, disk)
        await log.save(pb.HardState(1, 1, 0), run_of(1, 2), True)

        def hook(operation: Operation) -> None:
            if operation.kind == kind:
                raise OSError(5, "Input/output error")

        disk.hook = hook
        t.called = f"save(entry 3); the disk's {kind} fails"
        await t.araises(OSError, lambda: log.save(None, run_of(3, 3), True),
                        "it is not stored")  # fmt: skip
        disk.hook = lambda operation: None
        t.called = f"save(entry 3), where {kind} failed; save(entry 4)"
        await t.araises(
            OSError, lambda: log.save(None, run_of(4, 4), True),
            "the system drops what it could not sync, and reports success"
            " the next time: after one failure nothing can be believed",
        )  # fmt: skip

    for kind in ("append", "sync"):
        t.run(work(kind))


@check("the disk may fail at any operation", SAVING)
def failures(t: Trial) -> None:
    async def work(number: int) -> bool:
        disk, model = SimDisk(fail_at(number), reserves=False), Model()
        maybe, steps = model, script(1, 8)
        try:
            log, _ = await opened(t, disk)
            for step in steps:
                maybe = copy.deepcopy(model)
                maybe.take(step)
                await step.at(log)
                model = maybe
            return False
        except OSError:
            pass
        t.called = f"disk operation {number} fails, then a power cut"
        _, found = await opened(t, disk.restart(random.Random(number)))
        if maybe.differs(found) is not None:
            compare(t, model, found, t.called, "it was saved")
        return True

    async def all_of_them() -> None:
        number = 0
        while await work(number):
            number += 1

    t.run(all_of_them())


@check("a mark is kept; a leader's snapshot takes the log's place", TAKING)
def marks(t: Trial) -> None:
    async def work() -> None:
        await reopened(t, [
            Save(pb.HardState(1, 1, 30), run_of(1, 30)),
            Mark(10, 1), Mark(20, 1), Mark(15, 1),
        ], "the last snapshot is where a restart begins; an older one that"
           " comes late does not count")  # fmt: skip
        for index, term in ((50, 3), (5, 2)):
            await reopened(t, [
                Save(pb.HardState(1, 1, 3), run_of(1, 9)),
                Mark(index, term),
                Save(pb.HardState(term, 0, index),
                     run_of(index + 1, index + 2, term)),
            ], "entries that the snapshot's index and term contradict are"
               " another history")  # fmt: skip
        for seed in range(4):
            await reopened(t, script(seed, 25), "any steps that raft takes")

    t.run(work())


@check("saves and marks take turns", SAVING)
def turns(t: Trial) -> None:
    async def slowly(operation: Operation) -> None:
        await asyncio.sleep(0)

    async def work() -> None:
        disk, model = SimDisk(reserves=False), Model()
        disk.delay = slowly
        log, _ = await opened(t, disk)
        steps: list[Step] = []
        for n in range(1, 30):
            steps.append(Save(pb.HardState(1, 1, n), run_of(n, n)))
            if n % 10 == 0:
                steps.append(Mark(n - 5, 1))
        for step in steps:
            model.take(step)
        t.called = "29 saves and 2 marks, begun all at once"
        await asyncio.gather(*(step.at(log) for step in steps))
        await log.close()
        _, found = await opened(t, disk)
        compare(t, model, found, t.called,
                "marks come from another task than saves do")  # fmt: skip

    t.run(work())


CHECKS = [
    saved, as_it_was, replaced, restarts, power_cut, torn, crashes, damage,
    strangers, final, failures, marks, turns,
]  # fmt: skip
