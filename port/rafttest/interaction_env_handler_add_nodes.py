"""The command `add-nodes`: start nodes, empty or from a common snapshot."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from port import raftpb as pb
from port.errors import Malformed, RaftError
from port.raft import ReadOnlyLeaseBased, ReadOnlySafe
from port.rawnode import RawNode
from port.storage import MemoryStorage

if TYPE_CHECKING:
    from collections.abc import Callable

    from port.raft import Config
    from port.rafttest.datadriven import Arg, Directive
    from port.rafttest.interaction_env import InteractionEnv


def handle_add_nodes(env: InteractionEnv, d: Directive) -> None:
    """Carries out `add-nodes <number>` with its many options.

    Raises:
        Malformed: an option has no such value.

    Go: interaction_env_handler_add_nodes.go:29-78 handleAddNodes
    """
    # Deferred, as that file imports this one.
    from port.rafttest.interaction_env import raft_config_stub

    n = env.first_as_int(d)
    snap = pb.ensure_snapshot(None)
    cfg = raft_config_stub()
    for arg in d.args:
        for i in range(len(arg.vals)):
            _set_option(cfg, snap, arg, i)
    env.add_nodes(n, cfg, snap)


def _set_option(cfg: Config, snap: pb.Snapshot, arg: Arg, i: int) -> None:
    """Puts value `i` of an option where it belongs.

    Go: interaction_env_handler_add_nodes.go:35-74 handleAddNodes
    """
    metadata = pb.ensure_snapshot_metadata(snap.metadata)
    conf_state = pb.ensure_conf_state(metadata.conf_state)
    match arg.key:
        case "voters":
            conf_state.voters.append(arg.number(i))
        case "learners":
            conf_state.learners.append(arg.number(i))
        case "inflight":
            cfg.max_inflight_msgs = arg.number(i)
        case "index":
            metadata.index = cfg.applied = arg.number(i)
        case "content":
            snap.data = arg.text(i).encode()
        case "async-storage-writes":
            cfg.async_storage_writes = arg.flag(i)
        case "prevote":
            cfg.pre_vote = arg.flag(i)
        case "checkquorum":
            cfg.check_quorum = arg.flag(i)
        case "max-committed-size-per-ready":
            cfg.max_committed_size_per_ready = arg.number(i)
        case "disable-conf-change-validation":
            cfg.disable_conf_change_validation = arg.flag(i)
        case "read-only":
            options = {"safe": ReadOnlySafe, "lease-based": ReadOnlyLeaseBased}
            if arg.text(i) not in options:
                raise Malformed(f"invalid read-only option {arg.text(i)!r}")
            cfg.read_only_option = options[arg.text(i)]
        case "step-down-on-removal":
            cfg.step_down_on_removal = arg.flag(i)


class SnapOverrideStorage:
    """A storage whose newest snapshot is always the state machine's present.

    `MemoryStorage` would hand out the one that it was given last, which may
    lie far back; with this, compacting a log is all it takes to make a leader
    send a snapshot.

    Go: interaction_env_handler_add_nodes.go:80-83 snapOverrideStorage
    """

    __slots__ = (
        "_inner", "_snapshot_override", "append", "apply_snapshot", "compact",
        "entries", "first_index", "initial_state", "last_index",
        "set_hard_state", "stored_snapshot", "term",
    )  # fmt: skip

    def __init__(
        self, inner: MemoryStorage, snapshot_override: Callable[[], pb.Snapshot]
    ) -> None:
        self._snapshot_override = snapshot_override
        # All but `snapshot` is the inner storage's own.
        self.append = inner.append
        self.apply_snapshot = inner.apply_snapshot
        self.compact = inner.compact
        self.entries = inner.entries
        self.first_index = inner.first_index
        self.initial_state = inner.initial_state
        self.last_index = inner.last_index
        self.set_hard_state = inner.set_hard_state
        self.stored_snapshot = inner.snapshot
        self.term = inner.term

    def snapshot(self) -> pb.Snapshot:
        """Returns the state machine's present state.

        Go: interaction_env_handler_add_nodes.go:85-90 Snapshot
        """
        return self._snapshot_override()


def add_nodes(
    env: InteractionEnv, n: int, cfg: Config, snap: pb.Snapshot
) -> None:
    """Starts `n` nodes with consecutive ids.

    Args:
        env: The cluster.
        n: How many.
        cfg: What to start each from; id, storage and logger are filled in.
        snap: The state that all of them begin with; may be empty.

    Raises:
        RaftError: the snapshot's index is 1, or `on_config` overstepped.

    Go: interaction_env_handler_add_nodes.go:96-167 AddNodes
    """
    # Deferred, as that file imports this one.
    from port.rafttest.interaction_env import Node

    snap = pb.ensure_snapshot(snap)
    bootstrap = snap != pb.ensure_snapshot(None)
    for _ in range(n):
        id = 1 + len(env.nodes)
        s = _storage(env, id)
        if bootstrap:
            _bootstrap(s, snap)
        config = _config(env, cfg, id, s)
        env.nodes.append(Node(RawNode(config), s, config, [snap]))


def _storage(env: InteractionEnv, id: int) -> SnapOverrideStorage:
    """Returns an empty storage that asks the node's history for snapshots.

    Go: interaction_env_handler_add_nodes.go:102-115 AddNodes
    """
    return SnapOverrideStorage(
        MemoryStorage(), lambda: env.nodes[id - 1].history[-1]
    )


def _bootstrap(s: SnapOverrideStorage, snap: pb.Snapshot) -> None:
    """Stores the state that a node begins with.

    It may not stand at index 1, where `MemoryStorage` cannot tell it from an
    empty log's beginning.

    Go: interaction_env_handler_add_nodes.go:116-138 AddNodes
    """
    if snap.index <= 1:
        raise RaftError("index must be specified as > 1 due to bootstrap")
    pb.ensure_snapshot_metadata(snap.metadata).term = 1
    s.apply_snapshot(snap)
    first, expected = s.first_index(), snap.index + 1
    if first != expected:
        raise RaftError(
            f"failed to establish first index {expected}; got {first}"
        )


def _config(
    env: InteractionEnv, cfg: Config, id: int, s: SnapOverrideStorage
) -> Config:
    """Returns the node's own configuration, once `on_config` has seen it.

    Go: interaction_env_handler_add_nodes.go:139-152 AddNodes
    """
    config = copy.copy(cfg)
    config.id, config.storage = id, s
    if env.options.on_config is not None:
        env.options.on_config(config)
        if config.id != id:
            raise RaftError("on_config must not change the id")
    if config.logger is not None:
        raise RaftError("on_config must not set the logger")
    config.logger = env.output
    return config
