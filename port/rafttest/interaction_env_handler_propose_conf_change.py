"""The command `propose-conf-change`: ask for another membership."""

from __future__ import annotations

from typing import TYPE_CHECKING

from port import raftpb as pb
from port.errors import Malformed, RaftError

if TYPE_CHECKING:
    from port.rafttest.datadriven import Directive
    from port.rafttest.interaction_env import InteractionEnv

TRANSITIONS = {
    "auto": pb.ConfChangeTransitionAuto,
    "implicit": pb.ConfChangeTransitionJointImplicit,
    "explicit": pb.ConfChangeTransitionJointExplicit,
}


def handle_propose_conf_change(env: InteractionEnv, d: Directive) -> None:
    """Carries out `propose-conf-change <id> v1=<bool> transition=<name>`.

    The steps are the input, in the form of `conf_changes_from_string`. No
    steps at all ask to leave a joint configuration.

    Raises:
        Malformed: an argument has no such value, or a `v1` change no step.
        RaftError: the steps cannot be read, or do not go with `v1`.

    Go: interaction_env_handler_propose_conf_change.go:27-78 handleProposeConfChange
    """  # noqa: E501
    idx = env.first_as_node_idx(d)
    v1 = False
    transition = pb.ConfChangeTransitionAuto
    for arg in d.args:
        for i, val in enumerate(arg.vals):
            if arg.key == "v1":
                v1 = arg.flag(i)
            elif val in TRANSITIONS:
                transition = TRANSITIONS[val]
            else:
                raise Malformed(f"unknown transition {val}")
    try:
        ccs = pb.conf_changes_from_string(d.input)
    except Malformed as err:
        raise RaftError(str(err)) from err
    if not v1:
        env.propose_conf_change(
            idx, pb.ConfChangeV2(transition=transition, changes=ccs)
        )
        return
    if len(ccs) > 1 or transition is not pb.ConfChangeTransitionAuto:
        raise RaftError(
            "v1 conf change can only have one operation and no transition"
        )
    if not ccs:
        raise Malformed("a v1 conf change needs one operation")
    env.propose_conf_change(
        idx, pb.ConfChange(type=ccs[0].type, node_id=ccs[0].node_id)
    )


def propose_conf_change(
    env: InteractionEnv, idx: int, c: pb.ConfChangeI
) -> None:
    """Proposes a configuration change on the node at `idx`.

    Raises:
        ProposalDropped: the node cannot take it.

    Go: interaction_env_handler_propose_conf_change.go:81-83 ProposeConfChange
    """
    env.node(idx).raw_node.propose_conf_change(c)
