"""Who decided: the function of raft that a move is put down to.

It is the innermost one that is running, not counting those that only carry
out. Which ones do is a short list, made by hand.
"""

from __future__ import annotations

from types import CodeType, FrameType
from typing import Final

# What only carries out a decision that was taken elsewhere.
_CARRIERS: Final = frozenset({
    "Raft.become_follower", "Raft.become_candidate",
    "Raft.become_pre_candidate", "Raft.become_leader", "Raft.reset",
    "Raft.send", "Raft.send_timeout_now", "Raft.abort_leader_transfer",
    "Raft.bcast_append", "Raft.send_append", "Raft.bcast_heartbeat",
    "Raft.bcast_heartbeat_with_ctx", "Raft.send_heartbeat", "Raft.applied_to",
    "RawNode.step", "RawNode._step_quietly", "RawNode.ready",
})  # fmt: skip
# And these decide for some families only.
_DECIDE_FOR: Final = {
    "Raft.maybe_send_append": ("paused", "snapshot"),
    "Raft.switch_to_config": ("role", "transfer"),
    "Raft.apply_conf_change": ("configuration", "progress"),
}
_FILES: Final = ("raft.py", "rawnode.py", "bootstrap.py")


class _Here(Exception):
    """Raised to get hold of the frame that raises it."""


def decider(
    family: str, after: str, handler: str, limit: CodeType
) -> str | None:
    """Returns the innermost function of raft that is running and decides.

    Those that only carry out are passed over.

    Args:
        family: The family that has moved.
        after: The state that it is in now.
        handler: The function that deals with the message at hand, if one
            does. What is running above `Raft.step` then has not decided.
        limit: The function of the observer's above which nobody is asked.

    Returns:
        Its name, or nothing if there is none. What a handler has done itself
        is noticed when it is through; then it is that handler.
    """
    try:
        raise _Here
    except _Here as here:
        trace = here.__traceback__
    frame: FrameType | None = None if trace is None else trace.tb_frame
    while frame is not None:
        code = frame.f_code
        if code.co_filename.endswith(_FILES) and _is_of_port(frame):
            name = code.co_qualname.split(".<locals>")[0]
            if name == "Raft.step" and handler:
                break
            only_for = _DECIDE_FOR.get(name)
            if name not in _CARRIERS and (
                only_for is None
                or family in only_for
                or after.endswith(only_for)
            ):
                return name
        elif code is limit:
            break
        frame = frame.f_back
    return None


def _is_of_port(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    return name in ("port.raft", "port.rawnode", "port.bootstrap")
