"""5.2: a refusal, and how far to go back."""

from port.tracker import Progress, StateReplicate


def maybe_decr_to(pr: Progress, rejected: int, match_hint: int) -> bool:
    """Steps back after a refusal, unless the refusal is stale."""
    if pr.state is StateReplicate:
        if rejected <= pr.match:
            return False
        pr.next = pr.match + 1
    else:
        if rejected != pr.next - 1:
            return False
        back = min(rejected, match_hint + 1)
        pr.next = max(back, pr.match + 1)
        pr.msg_app_flow_paused = False
    pr._sent_commit = min(pr._sent_commit, pr.next - 1)
    return True
