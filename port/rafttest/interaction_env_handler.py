"""The commands of the script language, and how a directive finds its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from port.errors import Malformed, RaftError
from port.rafttest.datadriven import MAX_UINT64, Directive
from port.rafttest.interaction_env_handler_add_nodes import handle_add_nodes
from port.rafttest.interaction_env_handler_campaign import handle_campaign
from port.rafttest.interaction_env_handler_compact import handle_compact
from port.rafttest.interaction_env_handler_deliver_msgs import (
    handle_deliver_msgs,
)
from port.rafttest.interaction_env_handler_forget_leader import (
    handle_forget_leader,
)
from port.rafttest.interaction_env_handler_log_level import handle_log_level
from port.rafttest.interaction_env_handler_process_append_thread import (
    handle_process_append_thread,
)
from port.rafttest.interaction_env_handler_process_apply_thread import (
    handle_process_apply_thread,
)
from port.rafttest.interaction_env_handler_process_ready import (
    handle_process_ready,
)
from port.rafttest.interaction_env_handler_propose import handle_propose
from port.rafttest.interaction_env_handler_propose_conf_change import (
    handle_propose_conf_change,
)
from port.rafttest.interaction_env_handler_raft_log import handle_raft_log
from port.rafttest.interaction_env_handler_raftstate import handle_raft_state
from port.rafttest.interaction_env_handler_read_index import (
    handle_read_index,
)
from port.rafttest.interaction_env_handler_report_snapshot import (
    handle_report_snapshot,
)
from port.rafttest.interaction_env_handler_report_unreachable import (
    handle_report_unreachable,
)
from port.rafttest.interaction_env_handler_restart import (
    RestartRefused,
    handle_restart,
)
from port.rafttest.interaction_env_handler_send_snapshot import (
    handle_send_snapshot,
)
from port.rafttest.interaction_env_handler_set_randomized_election_timeout import (  # noqa: E501
    handle_set_randomized_election_timeout,
)
from port.rafttest.interaction_env_handler_stabilize import handle_stabilize
from port.rafttest.interaction_env_handler_status import handle_status
from port.rafttest.interaction_env_handler_tick import (
    handle_tick_election,
    handle_tick_heartbeat,
)
from port.rafttest.interaction_env_handler_transfer_leadership import (
    handle_transfer_leadership,
)

if TYPE_CHECKING:
    from port.rafttest.interaction_env import InteractionEnv


class Command(NamedTuple):
    """A command: what runs it, and which words may follow its name.

    Attributes:
        run: Carries the directive out.
        usage: How it is written, for errors.
        least: The number of arguments without a value that it needs.
        most: The number that it can take; `None` for any.
        keys: The arguments that have a value.
    """

    run: Callable[[InteractionEnv, Directive], None]
    usage: str
    least: int = 0
    most: int | None = 0
    keys: frozenset[str] = frozenset()


def _no_op(env: InteractionEnv, d: Directive) -> None:
    """Does nothing: `_breakpoint` is a place to stop a debugger at."""


_ADD_NODES_KEYS = frozenset((
    "voters", "learners", "inflight", "index", "content",
    "async-storage-writes", "prevote", "checkquorum",
    "max-committed-size-per-ready", "disable-conf-change-validation",
    "read-only", "step-down-on-removal",
))  # fmt: skip

# The order is upstream's; the three at the end are not in upstream.
COMMANDS: Final[dict[str, Command]] = {
    "_breakpoint": Command(_no_op, ""),
    "add-nodes": Command(
        handle_add_nodes,
        "<number> voters=(<id>, ...) learners=(<id>, ...) index=<index>"
        " content=<word> inflight=<number> async-storage-writes=<bool>"
        " prevote=<bool> checkquorum=<bool>"
        " max-committed-size-per-ready=<bytes>"
        " disable-conf-change-validation=<bool>"
        " read-only=safe|lease-based step-down-on-removal=<bool>",
        1, 1, _ADD_NODES_KEYS,
    ),
    "campaign": Command(handle_campaign, "<id>", 1, 1),
    "compact": Command(handle_compact, "<id> <index>", 2, 2),
    "deliver-msgs": Command(
        handle_deliver_msgs, "<id> ... type=<type> drop=(<id>, ...)",
        0, None, frozenset(("type", "drop")),
    ),
    "process-ready": Command(handle_process_ready, "<id> ...", 1, None),
    "process-append-thread": Command(
        handle_process_append_thread, "<id> ...", 1, None
    ),
    "process-apply-thread": Command(
        handle_process_apply_thread, "<id> ...", 1, None
    ),
    "log-level": Command(handle_log_level, "<level>", 1, 1),
    "raft-log": Command(handle_raft_log, "<id>", 1, 1),
    "raft-state": Command(handle_raft_state, ""),
    "set-randomized-election-timeout": Command(
        handle_set_randomized_election_timeout, "<id> timeout=<ticks>",
        1, 1, frozenset(("timeout",)),
    ),
    "stabilize": Command(
        handle_stabilize, "<id> ... log-level=<level>",
        0, None, frozenset(("log-level",)),
    ),
    "status": Command(handle_status, "<id>", 1, 1),
    "tick-election": Command(handle_tick_election, "<id>", 1, 1),
    "tick-heartbeat": Command(handle_tick_heartbeat, "<id>", 1, 1),
    "transfer-leadership": Command(
        handle_transfer_leadership, "from=<id> to=<id>",
        0, 0, frozenset(("from", "to")),
    ),
    "forget-leader": Command(handle_forget_leader, "<id>", 1, 1),
    "send-snapshot": Command(handle_send_snapshot, "<from> <to>", 2, 2),
    "propose": Command(handle_propose, "<id> <word>", 2, 2),
    "propose-conf-change": Command(
        handle_propose_conf_change,
        "<id> v1=<bool> transition=auto|implicit|explicit, and below it"
        " steps such as `v1 l2 r3`",
        1, 1, frozenset(("v1", "transition")),
    ),
    "report-unreachable": Command(
        handle_report_unreachable, "<id> <about>", 2, 2
    ),
    "read-index": Command(handle_read_index, "<id> <word>", 2, 2),
    "report-snapshot": Command(
        handle_report_snapshot, "<id> <about> status=finish|failure",
        2, 2, frozenset(("status",)),
    ),
    "restart": Command(handle_restart, "<id>", 1, 1),
}  # fmt: skip


def handle(env: InteractionEnv, d: Directive) -> str:
    """Carries out one directive and returns what it printed.

    Errors that raft or its storage return are part of that output, even
    where the log level silences everything else. A command that printed
    nothing returns `ok`.

    Args:
        env: The cluster that the directive speaks of.
        d: The directive; its `expected` is not looked at.

    Raises:
        Malformed: the directive makes no sense. The text begins with
            `path:line: command: `.
        RestartRefused: the node cannot restart; same text.
        RaftPanic: a node broke down. What was printed until then is in
            `env.output`.

    Go: interaction_env_handler.go:29-211 Handle
    """
    env.output.reset()
    try:
        command = _command(d)
        command.run(env, d)
    except (Malformed, RestartRefused) as err:
        reason = str(err).removeprefix(f"{d.place}: ")
        raise type(err)(f"{d.place}: {d.cmd}: {reason}") from err
    except RaftError as err:
        if env.output.quiet():
            return str(err)
        env.output.write(str(err))
    return str(env.output) or "ok"


def _command(d: Directive) -> Command:
    """Returns the command that `d` names, once its arguments fit."""
    command = COMMANDS.get(d.cmd)
    if command is None:
        raise Malformed("unknown command")
    usage = f"usage: {d.cmd} {command.usage}".rstrip()
    for arg in d.args:
        if arg.vals and arg.key not in command.keys:
            raise Malformed(f"unknown argument {arg}; {usage}")
    plain = _words(d)
    if len(plain) < command.least:
        raise Malformed(f"missing argument; {usage}")
    if command.most is not None and len(plain) > command.most:
        raise Malformed(
            f"unexpected argument {plain[command.most]!r}; {usage}"
        )
    return command


def first_as_int(env: InteractionEnv, d: Directive) -> int:
    """Returns the first argument as a number.

    Go: interaction_env_handler.go:213-220 firstAsInt
    """
    return _number(_words(d)[0])


def first_as_node_idx(env: InteractionEnv, d: Directive) -> int:
    """Returns the place of the node whose id is the first argument.

    Raises:
        Malformed: there is no such node.

    Go: interaction_env_handler.go:222-226 firstAsNodeIdx
    """
    idx = env.first_as_int(d) - 1
    env.node(idx)
    return idx


def node_idxs(env: InteractionEnv, d: Directive) -> list[int]:
    """Returns the places of the nodes that the arguments name.

    Arguments with a value are passed over.

    Raises:
        Malformed: one of the nodes does not exist.

    Go: interaction_env_handler.go:228-241 nodeIdxs
    """
    idxs = [id - 1 for id in env.ints(d)]
    for idx in idxs:
        env.node(idx)
    return idxs


def ints(env: InteractionEnv, d: Directive) -> list[int]:
    """Returns the arguments without a value, each as a number.

    Raises:
        Malformed: one of them is none.
    """
    return [_number(word) for word in _words(d)]


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit()) or int(word) > MAX_UINT64:
        raise Malformed(f"not a number: {word!r}")
    return int(word)


def _words(d: Directive) -> list[str]:
    return [arg.key for arg in d.args if not arg.vals]
