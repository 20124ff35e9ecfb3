"""Runs the scripts of upstream's `confchange/testdata`.

The commands are `simple`, `enter-joint` (with `autoleave=true` if wanted) and
`leave-joint`. The first two take changes as input: `v1` makes node 1 a
voter, `l1` a learner, `r1` removes it, `u1` updates it. What comes out is the
configuration that follows, and the progress map; or why it was refused.

Upstream does this in a test, `confchange/datadriven_test.go`; here it is part
of the command line too.
"""

from __future__ import annotations

from port import raftpb as pb
from port.confchange import Changer
from port.errors import InvalidConfChange, Malformed
from port.rafttest.datadriven import Directive
from port.tracker import Config, ProgressMap, ProgressTracker


class ConfChangeHandler:
    """A configuration that a script changes, from nobody on.

    One handler serves one file. The last index grows by one with each
    directive, whether it succeeds or not: so the progress of a new node
    tells at which directive it was added.
    """

    __slots__ = ("changer",)

    def __init__(self) -> None:
        self.changer = Changer(ProgressTracker(10, 0), last_index=0)

    def handle(self, directive: Directive) -> str:
        """Carries out one directive and returns what it prints.

        Raises:
            Malformed: an argument of the directive cannot be read.
        """
        try:
            return self._handle(directive)
        finally:
            self.changer.last_index += 1

    def _handle(self, directive: Directive) -> str:
        try:
            ccs = pb.conf_changes_from_string(directive.input)
        except Malformed as error:
            return str(error)
        if directive.cmd not in ("simple", "enter-joint", "leave-joint"):
            return "unknown command"
        try:
            cfg, trk = self._change(directive, ccs)
        except InvalidConfChange as refusal:
            return f"{refusal}\n"
        tracker = self.changer.tracker
        tracker.config, tracker.progress = cfg, trk
        return f"{cfg}\n{trk}"

    def _change(
        self, directive: Directive, ccs: list[pb.ConfChangeSingle]
    ) -> tuple[Config, ProgressMap]:
        if directive.cmd == "simple":
            return self.changer.simple(ccs)
        if directive.cmd == "enter-joint":
            auto_leave = (
                directive.scan("autoleave").flag() if directive.args else False
            )
            return self.changer.enter_joint(auto_leave, ccs)
        if ccs:
            raise InvalidConfChange("this command takes no input")
        return self.changer.leave_joint()
