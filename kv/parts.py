"""Which parts a store is made of: ours, or another's in their place.

`kv.seams` has the protocol of each. Ours are the defaults of `Parts`. Whoever
builds their own writes

    PARTS = Parts(machine=MyMachine, open_log=my_open_log)

in a module and names it on the command line, `--parts labs.work.parts:PARTS`;
what is not given stays ours.

Ours are looked up when a store is put together, and not before: so a mistake
that is planted in one of their modules (`kv.unsafe`) is in the store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Final

from kv import drive, framing, machine, snapshots, wal
from kv.named import load_named
from kv.seams import (
    Drive,
    Framing,
    Identity,
    Log,
    MakeFraming,
    MakeSnapshots,
    OpenLog,
    Recovered,
    Replica,
    Snapshots,
    StateMachine,
)
from kv.world import Disk
from port.node import Node

SNAPSHOT_EVERY: Final = 10_000  # entries applied
TAIL: Final = 5_000  # entries kept in memory behind a snapshot


def snapshot_due(applied: int, last: int) -> bool:
    """Tells whether it is time for a snapshot: every 10,000 entries.

    Args:
        applied: The index that was applied last.
        last: The index of the last snapshot; 0 if there was none.
    """
    return applied - last >= SNAPSHOT_EVERY


def snapshot_every(entries: int) -> Callable[[int, int], bool]:
    """Returns a `snapshot_due` for another number of entries."""

    def due(applied: int, last: int) -> bool:
        return applied - last >= entries

    return due


def _machine() -> StateMachine:
    return machine.Machine()


async def _open_log(
    disk: Disk, folder: str, identity: Identity
) -> tuple[Log, Recovered]:
    return await wal.open_log(disk, folder, identity)


def _snapshots(disk: Disk, folder: str) -> Snapshots:
    return snapshots.SnapshotFolder(disk, folder)


def _framing(limit: int) -> Framing:
    return framing.LengthPrefixed(limit)


async def _drive(node: Node, replica: Replica) -> None:
    await drive.drive(node, replica)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that a store is made of; what is not given is ours.

    Attributes:
        machine: Makes a state machine without any keys.
        open_log: Opens or begins the log.
        snapshots: Makes the keeper of snapshots.
        framing: Makes the framing of a connection between nodes.
        snapshot_due: Says when to take a snapshot.
        drive: Runs the Ready loop.
    """

    machine: Callable[[], StateMachine] = field(default=_machine)
    open_log: OpenLog = field(default=_open_log)
    snapshots: MakeSnapshots = field(default=_snapshots)
    framing: MakeFraming = field(default=_framing)
    snapshot_due: Callable[[int, int], bool] = field(default=snapshot_due)
    drive: Drive = field(default=_drive)

    def owners(self) -> dict[str, str]:
        """Returns, for each part, `ours` or the `MODULE:NAME` that it is."""
        return {f.name: _owner(getattr(self, f.name)) for f in fields(self)}


def _owner(part: object) -> str:
    module = getattr(part, "__module__", type(part).__module__)
    if module == __name__:
        return "ours"
    return f"{module}:{getattr(part, '__qualname__', type(part).__name__)}"


def see_that_the_loop_fits(parts: Parts, async_writes: bool) -> None:
    """Sees that a loop of somebody's own is one for such writes.

    A loop for asynchronous writes says so by an attribute `asynchronous` that
    is true. Any other would wait for the disk, and raft would not.

    Raises:
        ValueError: it is another.
    """
    own = parts.drive is not Parts().drive
    if async_writes and own and not getattr(parts.drive, "asynchronous", 0):
        raise ValueError(
            "--async-writes has a loop of its own, and --parts brings one,"
            " too: leave one of them out"
        )


def load_parts(name: str) -> Parts:
    """Returns the `Parts` that `MODULE:NAME` names.

    Raises:
        ValueError: there is no such thing, or it is none; the text says what
            is wrong in one line.
    """
    found = load_named(name)
    if not isinstance(found, Parts):
        raise ValueError(f"{name} is a {type(found).__name__}, not a Parts")
    for part in fields(found):
        if not callable(made := getattr(found, part.name)):
            raise ValueError(
                f"{name}: {part.name} is {made!r}, and that cannot be called"
            )
    return found
