"""A cluster in memory that does what a script tells it, step by step.

Nothing happens by itself in here: no clock runs, no message travels, no
`Ready` is handled until a command asks for it. That makes every order of
events reachable, and every run repeatable. Whatever a command does and
whatever raft logs meanwhile is written to `InteractionEnv.output`.

Scripts come in through `InteractionEnv.handle`, one directive at a time;
programs may as well call the methods behind the commands. Each command has a
file of its own, as upstream, and the methods that it adds to the environment
are bound in the class below. Two things to know when calling them:

* An `idx` counts from 0 and names a place in `nodes`; an `id` counts from 1
  and names the node to raft. The node at `idx` has the id `idx + 1`.
* Where Go returns an error that the script prints, a method here raises a
  `RaftError`; where Go fails the test, it raises `Malformed`: the command
  makes no sense. `RaftPanic` is a node that has broken down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from port import raftpb as pb
from port.errors import Malformed
from port.raft import Config
from port.rafttest import (
    interaction_env_handler,
    interaction_env_handler_add_nodes,
    interaction_env_handler_campaign,
    interaction_env_handler_compact,
    interaction_env_handler_deliver_msgs,
    interaction_env_handler_forget_leader,
    interaction_env_handler_log_level,
    interaction_env_handler_process_append_thread,
    interaction_env_handler_process_apply_thread,
    interaction_env_handler_process_ready,
    interaction_env_handler_propose,
    interaction_env_handler_propose_conf_change,
    interaction_env_handler_raft_log,
    interaction_env_handler_raftstate,
    interaction_env_handler_read_index,
    interaction_env_handler_report_snapshot,
    interaction_env_handler_report_unreachable,
    interaction_env_handler_restart,
    interaction_env_handler_send_snapshot,
    interaction_env_handler_set_randomized_election_timeout,
    interaction_env_handler_stabilize,
    interaction_env_handler_status,
    interaction_env_handler_tick,
    interaction_env_handler_transfer_leadership,
)
from port.rafttest.interaction_env_logger import RedirectLogger
from port.rawnode import RawNode
from port.storage import Storage as RaftStorage
from port.types import NO_LIMIT

MAX_INT32: Final = (1 << 31) - 1


class InteractionOpts:
    """What the program that runs a script may set from outside.

    Attributes:
        on_config: Called with the `Config` of every node that `add_nodes` is
            about to start. It may change anything but the id and the logger.

    Go: interaction_env.go:28-34 InteractionOpts
    """

    __slots__ = ("on_config",)

    def __init__(
        self, on_config: Callable[[Config], None] | None = None
    ) -> None:
        self.on_config = on_config


class Node:
    """A member of the cluster, with what an application keeps beside raft.

    Attributes:
        raw_node: Raft itself.
        storage: Its stable storage; it outlives a restart.
        config: What `raw_node` was made from.
        append_work: Messages that wait for the append thread.
        apply_work: Messages that wait for the apply thread.
        history: The state machine's snapshots, one for each entry applied,
            so that any of them can be looked at; the last is the present.

    Go: interaction_env.go:37-45 Node
    """

    __slots__ = (
        "append_work", "apply_work", "config", "history", "raw_node",
        "storage",
    )  # fmt: skip

    def __init__(
        self,
        raw_node: RawNode,
        storage: Storage,
        config: Config,
        history: list[pb.Snapshot],
    ) -> None:
        self.raw_node = raw_node
        self.storage = storage
        self.config = config
        self.append_work: list[pb.Message] = []
        self.apply_work: list[pb.Message] = []
        self.history = history


class InteractionEnv:
    """The cluster: its nodes, the messages between them, and the transcript.

    Attributes:
        options: Hooks of the program that runs the script.
        nodes: The members; ids are consecutive, from 1.
        messages: All that is in flight, in the order of sending.
        output: What the present command has printed, and the nodes' logger.

    Go: interaction_env.go:49-55 InteractionEnv
    """

    __slots__ = ("messages", "nodes", "options", "output")

    def __init__(self, options: InteractionOpts | None = None) -> None:
        """Starts without nodes.

        Go: interaction_env.go:58-68 NewInteractionEnv
        """
        self.options = InteractionOpts() if options is None else options
        self.nodes: list[Node] = []
        self.messages: list[pb.Message] = []
        self.output = RedirectLogger()

    @contextmanager
    def with_indent(self) -> Iterator[None]:
        """Moves what is printed in the block two columns to the right.

        It does so even if the block raises: the lines before a failure are
        the ones that explain it.

        Go: interaction_env.go:70-80 withIndent
        """
        output = self.output
        outer = output.builder
        inner: list[str] = []
        output.builder = inner
        try:
            yield
        finally:
            output.builder = outer
            lines = "".join(inner).split("\n")
            if lines[-1] == "":
                lines.pop()
            outer += [f"  {line}\n" for line in lines]

    def node(self, idx: int) -> Node:
        """Returns the node at `idx`.

        Raises:
            Malformed: there is none.
        """
        if not 0 <= idx < len(self.nodes):
            raise Malformed(
                f"there is no node {idx + 1}; nodes so far: {len(self.nodes)}"
            )
        return self.nodes[idx]

    # The methods of the other files, by the name of the file.
    handle = interaction_env_handler.handle
    first_as_int = interaction_env_handler.first_as_int
    first_as_node_idx = interaction_env_handler.first_as_node_idx
    node_idxs = interaction_env_handler.node_idxs
    ints = interaction_env_handler.ints
    add_nodes = interaction_env_handler_add_nodes.add_nodes
    campaign = interaction_env_handler_campaign.campaign
    compact = interaction_env_handler_compact.compact
    deliver_msgs = interaction_env_handler_deliver_msgs.deliver_msgs
    forget_leader = interaction_env_handler_forget_leader.forget_leader
    log_level = interaction_env_handler_log_level.log_level
    process_append_thread = (
        interaction_env_handler_process_append_thread.process_append_thread
    )
    process_apply_thread = (
        interaction_env_handler_process_apply_thread.process_apply_thread
    )
    process_ready = interaction_env_handler_process_ready.process_ready
    propose = interaction_env_handler_propose.propose
    propose_conf_change = (
        interaction_env_handler_propose_conf_change.propose_conf_change
    )
    raft_log = interaction_env_handler_raft_log.raft_log
    raft_state = interaction_env_handler_raftstate.raft_state
    read_index = interaction_env_handler_read_index.read_index
    report_snapshot = interaction_env_handler_report_snapshot.report_snapshot
    report_unreachable = (
        interaction_env_handler_report_unreachable.report_unreachable
    )
    restart = interaction_env_handler_restart.restart
    send_snapshot = interaction_env_handler_send_snapshot.send_snapshot
    set_randomized_election_timeout = (
        interaction_env_handler_set_randomized_election_timeout.set_randomized_election_timeout
    )
    stabilize = interaction_env_handler_stabilize.stabilize
    status = interaction_env_handler_status.status
    tick = interaction_env_handler_tick.tick
    transfer_leadership = (
        interaction_env_handler_transfer_leadership.transfer_leadership
    )


class Storage(RaftStorage, Protocol):
    """What the environment needs of a storage: raft reads, it writes.

    Go: interaction_env.go:85-91 Storage
    """

    def set_hard_state(self, st: pb.HardState) -> None:
        """Stores the hard state."""

    def apply_snapshot(self, snap: pb.Snapshot) -> None:
        """Replaces everything with a snapshot that came from elsewhere."""

    def compact(self, compact_index: int) -> None:
        """Drops the entries up to and including `compact_index`."""

    def append(self, entries: list[pb.Entry]) -> None:
        """Appends entries, over those it holds from the first one on."""

    def stored_snapshot(self) -> pb.Snapshot:
        """Returns the snapshot that a restart would find."""


class NoJitter:
    """Draws 0 every time, so that election timeouts are not random at all.

    A script has to print the same whenever it runs. The timeout is thus the
    configured one, unless `set-randomized-election-timeout` says otherwise.
    """

    __slots__ = ()

    def intn(self, n: int) -> int:
        """Returns 0, whatever `n` is."""
        return 0


def raft_config_stub() -> Config:
    """Returns what all nodes begin with: short timeouts, no limits.

    Id and storage are still missing.

    Go: interaction_env.go:96-103 raftConfigStub
    """
    return Config(
        election_tick=3,
        heartbeat_tick=1,
        max_size_per_msg=NO_LIMIT,
        max_inflight_msgs=MAX_INT32,
        rand=NoJitter(),
    )
