"""5.2: a refusal, and how far to go back.

Port tracker/progress.go:226-254, MaybeDecrTo.
"""

from port.tracker import Progress


def maybe_decr_to(pr: Progress, rejected: int, match_hint: int) -> bool:
    """Steps back after a refusal, unless the refusal is stale.

    A `Progress` has `state` (StateProbe, StateReplicate or StateSnapshot of
    `port.tracker`), `match`, `next`, `msg_app_flow_paused`, and what Go calls
    sentCommit: `pr._sent_commit`.

    Args:
        pr: What is known of the follower.
        rejected: The index that the append built on, and that the follower
            does not have.
        match_hint: Where, by the follower's guess, the logs may agree.

    Returns:
        Whether the refusal was genuine; if so, `pr.next` is lower now.
    """
    raise NotImplementedError("maybe_decr_to.")
