"""From the stored form of a configuration back to the live one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from port import raftpb as pb
from port.confchange.confchange import Changer
from port.tracker import Config, ProgressMap, ProgressTracker

Operation: TypeAlias = Callable[[Changer], tuple[Config, ProgressMap]]


def to_conf_change_single(
    cs: pb.ConfState,
) -> tuple[list[pb.ConfChangeSingle], list[pb.ConfChangeSingle]]:
    """Finds changes that lead from nobody to the stored configuration.

    Take voters 1, 2, 3, learner 5, outgoing voters 1, 2, 4, 6 and 4 as the
    next learner. The outgoing voters are added first, as they were there
    first. The joint state is entered by removing all of them and adding
    everyone who belongs to the incoming half: 1, 2, 3 as voters, 5 and 4 as
    learners. As 4 still has a vote in the outgoing half, the changer itself
    finds that it has to wait. Whether 5 was a learner before the change
    cannot be told from the stored form, and makes no difference.

    Returns:
        The changes that build the outgoing half, one by one; then those that
        lead from there to the incoming one, all at once. The former list is
        empty if the configuration is not joint.

    Go: restore.go:26-97 toConfChangeSingle
    """
    out = _steps(pb.ConfChangeAddNode, cs.voters_outgoing)
    into = [
        *_steps(pb.ConfChangeRemoveNode, cs.voters_outgoing),
        *_steps(pb.ConfChangeAddNode, cs.voters),
        *_steps(pb.ConfChangeAddLearnerNode, cs.learners),
        *_steps(pb.ConfChangeAddLearnerNode, cs.learners_next),
    ]
    return out, into


def _steps(
    kind: pb.ConfChangeType, ids: Iterable[int]
) -> list[pb.ConfChangeSingle]:
    return [pb.ConfChangeSingle(type=kind, node_id=id) for id in ids]


def chain(
    chg: Changer, ops: Iterable[Operation]
) -> tuple[Config, ProgressMap]:
    """Carries out operations, each on what the one before returned.

    The changer's tracker stays as it is: a tracker of our own takes the
    steps.

    Raises:
        InvalidConfChange: one of the operations is refused.

    Go: restore.go:99-109 chain
    """
    given = chg.tracker
    tracker = ProgressTracker(given.max_inflight, given.max_inflight_bytes)
    tracker.config, tracker.progress = given.config, given.progress
    chg = Changer(tracker, chg.last_index)
    for op in ops:
        tracker.config, tracker.progress = op(chg)
    return tracker.config, tracker.progress


def restore(chg: Changer, cs: pb.ConfState) -> tuple[Config, ProgressMap]:
    """Builds the configuration that `cs` describes.

    Args:
        chg: A changer whose tracker has no nodes; it is only read.
        cs: The stored form.

    Returns:
        The configuration and its progress map.

    Raises:
        InvalidConfChange: `cs` is no valid configuration.

    Go: restore.go:119-155 Restore
    """
    outgoing, incoming = to_conf_change_single(cs)
    if not outgoing:
        return chain(chg, [_simple(cc) for cc in incoming])

    def enter_joint(chg: Changer) -> tuple[Config, ProgressMap]:
        return chg.enter_joint(cs.auto_leave or False, incoming)

    return chain(chg, [*map(_simple, outgoing), enter_joint])


def _simple(cc: pb.ConfChangeSingle) -> Operation:
    return lambda chg: chg.simple([cc])
