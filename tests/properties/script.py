"""Says a schedule in the language of interaction scripts, if it can be said.

A script knows nothing of clusters whose nodes begin differently, of crashes
within a `Ready` or writes that get lost, nor can it pick one message from
among several of a kind. What was really done (`Cluster.trace`) is said
command by command; then the script is run, and it only counts if every node
ends with the same term, role, commit and log.
"""

from __future__ import annotations

from port import raftpb as pb
from port.errors import RaftError, RaftPanic
from port.raft import Config
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import InteractionEnv, InteractionOpts
from tests.properties.actions import Schedule, Setup
from tests.properties.cluster import START_INDEX, Cluster, Panicked


class Unsaid(Exception):
    """Something that a script has no words for."""


def script_of(schedule: Schedule) -> str | None:
    """Return the script that does the same, or `None` if there is none."""
    cluster = Cluster(schedule.setup, (), record=True)
    panics = False
    try:
        cluster.run(schedule.actions)
    except Panicked:
        panics = True
    try:
        script = Writer(schedule.setup, cluster).script()
    except Unsaid:
        return None
    alike = ends_alike(script, schedule.setup, cluster, panics)
    return script if alike else None


def options(setup: Setup) -> InteractionOpts:
    """Return what must be set from outside for a script to do the same."""

    def on_config(config: Config) -> None:
        config.max_inflight_msgs = setup.inflight
        config.disable_proposal_forwarding = setup.no_forward
        if setup.small:
            config.max_size_per_msg = 0
            config.max_committed_size_per_ready = 1

    return InteractionOpts(on_config)


def ends_alike(
    script: str, setup: Setup, cluster: Cluster, panics: bool = False
) -> bool:
    """Tell whether a script leaves the nodes as they are in `cluster`.

    Where the cluster panics, the script has to panic too, and that is all.
    """
    env = InteractionEnv(options(setup))
    try:
        for directive in parse(script, "script"):
            env.handle(directive)
    except RaftPanic:
        return panics
    except RaftError:
        return False
    if panics:
        return False
    for node in env.nodes:
        theirs = node.raw_node.raft
        twin = cluster.nodes[theirs.id].raw
        if twin is None:
            continue  # it is down, and the script has no word for that
        ours = twin.raft
        if (
            ours.term != theirs.term
            or ours.state is not theirs.state
            or ours.raft_log.committed != theirs.raft_log.committed
            or _terms(ours.raft_log.all_entries())
            != _terms(theirs.raft_log.all_entries())
        ):
            return False
    return True


def _terms(entries: list[pb.Entry]) -> list[tuple[int, int]]:
    return [(e.index or 0, e.term or 0) for e in entries]


class Writer:
    """Turns a trace into commands.

    Attributes:
        flight: What is under way in the script's world, in order: number,
            receiver and type.
        fate: For each message, whether it will arrive some time.
    """

    def __init__(self, setup: Setup, cluster: Cluster) -> None:
        self.setup = setup
        self.trace = cluster.trace or []
        self.fate = {s[1] for s in self.trace if s[0] == "deliver"}
        self.flight: list[tuple[int, int, pb.MessageType]] = []
        self.lines: list[str] = []
        self.stage: dict[object, bool] = {}

    def script(self) -> str:
        """Return the whole script.

        Raises:
            Unsaid: some step cannot be said.
        """
        self._say("log-level none")
        self._add_nodes()
        at = 0
        while at < len(self.trace):
            at = self._step(at)
            self._drop_lost()
        self._say("log-level info")
        self._say("raft-state")
        for id in range(1, self.setup.nodes + 1):
            self._say(f"raft-log {id}")
        return "\n".join(self.lines)

    def _say(self, command: str, text: str = "") -> None:
        self.lines += [command, *([text] if text else []), "----", "ok", ""]

    def _add_nodes(self) -> None:
        s = self.setup
        if s.start != "snapshot":
            raise Unsaid(s.start)
        if s.small or s.no_forward or s.inflight != Setup().inflight:
            outside = [
                *["MaxSizePerMsg=0", "MaxCommittedSizePerReady=1"] * s.small,
                *["DisableProposalForwarding=true"] * s.no_forward,
                f"MaxInflightMsgs={s.inflight}",
            ]
            self.lines.append(f"# Set from outside: {', '.join(outside)}.")
        words = [f"add-nodes {s.nodes}", f"voters=({_ids(s.voters)})"]
        if s.learners:
            words.append(f"learners=({_ids(s.learners)})")
        words.append(f"index={START_INDEX}")
        words += ["async-storage-writes=true"] * s.asynchronous
        words += ["prevote=true"] * s.pre_vote
        words += ["checkquorum=true"] * (s.check_quorum or s.lease)
        words += ["read-only=lease-based"] * s.lease
        words += ["step-down-on-removal=true"] * s.step_down
        self._say(" ".join(words))

    def _step(self, at: int) -> int:
        """Say the step at `at`, and return where the next one is."""
        name, *rest = self.trace[at]
        match name:
            case "tick":
                id, timeout = rest
                self._say(
                    f"set-randomized-election-timeout {id} timeout={timeout}"
                )
                self._say(f"tick-heartbeat {id}")
            case "campaign" | "read" | "compact" | "propose":
                command = "read-index" if name == "read" else name
                self._say(" ".join(map(str, (command, *rest))))
            case "forget":
                self._say(f"forget-leader {rest[0]}")
            case "transfer":
                self._say(f"transfer-leadership from={rest[0]} to={rest[1]}")
            case "unreachable":
                self._say(f"report-unreachable {rest[0]} {rest[1]}")
            case "report":
                how = "finish" if rest[2] else "failure"
                self._say(f"report-snapshot {rest[0]} {rest[1]} status={how}")
            case "change":
                id, how, steps = rest
                option = {"auto": "", "v1": " v1=true"}.get(
                    str(how), f" transition={how}"
                )
                self._say(f"propose-conf-change {id}{option}", str(steps))
            case "ready":
                self._say(f"process-ready {rest[0]}")
                return self._work(at + 1, rest[0])
            case "append":
                self._say(f"process-append-thread {rest[0]}")
            case "apply":
                self._say(f"process-apply-thread {rest[0]}")
            case "send":
                number, _, m = rest
                self.flight.append((number, m.to, m.type))
            case "deliver":
                return self._deliver(at)
            case "start":
                self._say(f"restart {rest[0]}")
            case "crash" if rest[1]:
                pass
            case "done" if self.setup.asynchronous:
                pass
            case _:
                raise Unsaid(name)
        return at + 1

    def _work(self, at: int, id: object) -> int:
        """Skip the steps within a `Ready`: they must follow at once."""
        if self.setup.asynchronous:
            return at
        while at < len(self.trace):
            name, *rest = self.trace[at]
            at += 1
            if name == "send":
                number, _, m = rest
                self.flight.append((number, m.to, m.type))
            elif name == "done":
                return at
            elif name != "stage" or rest[0] != id:
                raise Unsaid("something happens within a Ready")
        raise Unsaid("a Ready is not ended")

    def _deliver(self, at: int) -> int:
        """Say that messages to one node arrive: as many as come in a row.

        A command takes all of them, or all of a type.
        """
        to = self.trace[at][2]
        numbers = []
        end = at
        while end < len(self.trace) and self.trace[end][0] == "deliver":
            if self.trace[end][2] != to:
                break
            numbers.append(self.trace[end][1])
            end += 1
        if not numbers:
            raise Unsaid("deliver")
        # The longest run that can be taken together, down to one message.
        while numbers:
            if self._take(to, numbers):
                return at + len(numbers)
            numbers.pop()
        raise Unsaid("one message of several of a kind")

    def _take(self, to: object, numbers: list[object]) -> bool:
        waiting = [m for m in self.flight if m[1] == to]
        kinds = {m[2] for m in waiting if m[0] in numbers}
        wanted = [m for m in waiting if m[0] in numbers]
        if [m[0] for m in wanted] != numbers:
            return False
        others = [m for m in waiting if m[0] not in numbers]
        if not others:
            self._say(f"deliver-msgs {to}")
        elif len(kinds) == 1 and all(m[2] not in kinds for m in others):
            self._say(f"deliver-msgs {to} type={wanted[0][2]}")
        else:
            return False
        self.flight = [m for m in self.flight if m not in wanted]
        return True


    def _drop_lost(self) -> None:
        """Drop what will never arrive, as long as it can be told apart."""
        waiting: dict[int, list[tuple[int, int, pb.MessageType]]] = {}
        for m in self.flight:
            waiting.setdefault(m[1], []).append(m)
        lost = {
            to
            for to, ms in waiting.items()
            if all(m[0] not in self.fate for m in ms)
        }
        if lost:
            self._say(f"deliver-msgs drop=({_ids(tuple(sorted(lost)))})")
        gone = [m for m in self.flight if m[1] in lost]
        for to, ms in waiting.items():
            if to in lost:
                continue
            for kind in dict.fromkeys(m[2] for m in ms):
                alike = [m for m in ms if m[2] is kind]
                if all(m[0] not in self.fate for m in alike):
                    self._say(f"deliver-msgs drop=({to}) type={kind}")
                    gone += alike
        self.flight = [m for m in self.flight if m not in gone]


def _ids(ids: tuple[int, ...]) -> str:
    return ",".join(map(str, ids))
