"""All pages together: one home for each symbol, and what notes cover.

The notes are to cover everything. How far they have come is kept in one
place, `GATE`: the symbols of which every line that can run, and every line of
the Go that they come from, must lie under a note. The gate only ever grows,
until it is the whole of `raft.py` and `node.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from book.weave import facts, figures, golang, python, scenes, walks
from book.weave.counterparts import read_ledger
from book.weave.facts import say_ranges
from book.weave.golang import GoRange
from book.weave.place import WovenWalk, weave
from book.weave.problems import Problem, Refused
from book.weave.sources import Sources
from book.weave.walks import Figure, Misread, Scene, Walk

ROOT = Path(__file__).parents[2]
PAGES = "book/pages"
LEDGER = "port/DIVERGENCES.md"

GATE = (
    "port/raft.py Raft.reset",
    "port/raft.py Raft.become_follower",
    "port/raft.py Raft.become_candidate",
    "port/raft.py Raft.become_pre_candidate",
    "port/raft.py Raft.become_leader",
    "port/raft.py Raft.reset_randomized_election_timeout",
    "port/raft.py follower_prop",
    "port/raft.py candidate_prop",
    "port/raft.py leader_prop",
    "port/raft.py Raft.append_entry",
    "port/raft.py Raft.increase_uncommitted_size",
    "port/raft.py Raft.reduce_uncommitted_size",
    "port/raft.py Raft.send",
    "port/raft.py Raft.bcast_append",
    "port/raft.py Raft.send_append",
    "port/raft.py Raft.maybe_send_append",
    "port/raft.py follower_app",
    "port/raft.py leader_app_accepted",
    "port/raft.py Raft.maybe_commit",
    "port/raft.py Raft._step_storage_append_resp",
    "port/raft.py Raft._step_storage_apply_resp",
    "port/raft.py Raft.applied_to",
    "port/raft.py Raft.applied_snap",
    "port/raft.py leader_app_resp",
    "port/raft.py log_slice_from_msg_app",
    "port/raft.py Raft.handle_append_entries",
    "port/raft.py leader_app_rejected",
    "port/raft.py candidate_app",
    "port/raft.py ReadOnlyOption",
    "port/raft.py Rand",
    "port/raft.py Rand.intn",
    "port/raft.py LockedRand",
    "port/raft.py LockedRand.__init__",
    "port/raft.py LockedRand.intn",
    "port/raft.py CampaignType",
    "port/raft.py StateType",
    "port/raft.py StateType.__str__",
    "port/raft.py Config",
    "port/raft.py Config.__init__",
    "port/raft.py Config.validate",
    "port/raft.py Raft",
    "port/raft.py Raft.__init__",
    "port/raft.py Raft.has_leader",
    "port/raft.py Raft.soft_state",
    "port/raft.py Raft.hard_state",
    "port/raft.py Raft.load_state",
    "port/raft.py Raft.tick_election",
    "port/raft.py Raft.tick_heartbeat",
    "port/raft.py Raft._step_on_tick",
    "port/raft.py Raft.past_election_timeout",
    "port/raft.py leader_beat",
    "port/raft.py Raft.bcast_heartbeat",
    "port/raft.py Raft.bcast_heartbeat_with_ctx",
    "port/raft.py Raft.send_heartbeat",
    "port/raft.py follower_heartbeat",
    "port/raft.py candidate_heartbeat",
    "port/raft.py Raft.handle_heartbeat",
    "port/raft.py leader_heartbeat_resp",
    "port/raft.py leader_check_quorum",
    "port/raft.py Raft._step_hup",
    "port/raft.py Raft.hup",
    "port/raft.py Raft.promotable",
    "port/raft.py Raft.has_unapplied_conf_changes",
    "port/raft.py Raft.campaign",
    "port/raft.py Raft._step_vote",
    "port/raft.py Raft._log_vote_rejected",
    "port/raft.py Raft.poll",
    "port/raft.py candidate_vote_resp",
    "port/raft.py follower_read_index",
    "port/raft.py leader_read_index",
    "port/raft.py Raft.committed_entry_in_current_term",
    "port/raft.py release_pending_read_index_messages",
    "port/raft.py send_msg_read_index_response",
    "port/raft.py Raft.response_to_read_index_req",
    "port/raft.py follower_read_index_resp",
    "port/raft.py Raft._step_higher_term",
    "port/raft.py Raft._step_lower_term",
    "port/raft.py <module>",
    "port/raft.py _prop_conf_change",
    "port/raft.py _refuse_conf_change",
    "port/raft.py Raft.apply_conf_change",
    "port/raft.py Raft.switch_to_config",
    "port/raft.py Raft.maybe_send_snapshot",
    "port/raft.py follower_snap",
    "port/raft.py candidate_snap",
    "port/raft.py Raft.handle_snapshot",
    "port/raft.py Raft.restore",
    "port/raft.py leader_snap_status",
    "port/raft.py leader_unreachable",
    "port/raft.py leader_transfer_leader",
    "port/raft.py follower_transfer_leader",
    "port/raft.py follower_timeout_now",
    "port/raft.py candidate_timeout_now",
    "port/raft.py Raft.send_timeout_now",
    "port/raft.py Raft.abort_leader_transfer",
    "port/raft.py leader_forget_leader",
    "port/raft.py follower_forget_leader",
    "port/node.py <module>",
    "port/node.py Node",
    "port/node.py Node.tick",
    "port/node.py Node.campaign",
    "port/node.py Node.propose",
    "port/node.py Node.propose_conf_change",
    "port/node.py Node.step",
    "port/node.py Node.ready",
    "port/node.py Node.advance",
    "port/node.py Node.apply_conf_change",
    "port/node.py Node.transfer_leadership",
    "port/node.py Node.forget_leader",
    "port/node.py Node.read_index",
    "port/node.py Node.status",
    "port/node.py Node.report_unreachable",
    "port/node.py Node.report_snapshot",
    "port/node.py Node.stop",
    "port/node.py setup_node",
    "port/node.py start_node",
    "port/node.py restart_node",
    "port/node.py _MsgWithResult",
    "port/node.py _MsgWithResult.__init__",
    "port/node.py _ReadyChan",
    "port/node.py _ReadyChan.__aiter__",
    "port/node.py _Node",
    "port/node.py _Node.__init__",
    "port/node.py _Node.start",
    "port/node.py _Node.stop",
    "port/node.py _Node.run",
    "port/node.py _Node._run",
    "port/node.py _Node._log_leader",
    "port/node.py _Node._step_proposal",
    "port/node.py _Node._step_message",
    "port/node.py _Node._switch",
    "port/node.py _Node.tick",
    "port/node.py _Node.campaign",
    "port/node.py _Node.propose",
    "port/node.py _Node.step",
    "port/node.py _Node.propose_conf_change",
    "port/node.py _Node._step",
    "port/node.py _Node._step_wait",
    "port/node.py _Node._step_with_wait_option",
    "port/node.py _Node.ready",
    "port/node.py _Node.advance",
    "port/node.py _Node.apply_conf_change",
    "port/node.py _Node.status",
    "port/node.py _Node.report_unreachable",
    "port/node.py _Node.report_snapshot",
    "port/node.py _Node.transfer_leadership",
    "port/node.py _Node.forget_leader",
    "port/node.py _Node.read_index",
    "port/node.py _Node._pass",
    "port/node.py _Node._gone",
    "port/types.py SnapshotStatus",
    "port/types.py SoftState",
    "port/types.py Ready",
    "port/types.py Ready.__init__",
    "port/types.py is_hard_state_equal",
    "port/types.py is_empty_hard_state",
    "port/types.py is_empty_snap",
    "port/types.py Peer",
    "port/types.py conf_change_to_msg",
)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the book, read and woven.

    Attributes:
        name: Its name below the folder of pages.
        text: The whole file.
        walks: The walks that could be woven, in order.
        figures: The figures, in order.
        scenes: The scenarios that it plays, in order.
        problems: What stands in the way of the rest.
    """

    name: str
    text: str
    walks: tuple[WovenWalk, ...]
    figures: tuple[Figure, ...]
    scenes: tuple[Scene, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a file lies under notes.

    Attributes:
        file: A Python file of ours or a Go file of upstream's.
        covered: How many of its lines do.
        total: How many there are.
    """

    file: str
    covered: int
    total: int

    def __str__(self) -> str:
        share = 100 * self.covered // max(self.total, 1)
        return f"{self.file}: {self.covered} of {self.total} lines, {share} %"


class Book:
    """Every page under a folder.

    Args:
        root: The repository.
        pages: The folder of pages in it.
        gate: The symbols that must be covered.
    """

    def __init__(
        self,
        root: Path = ROOT,
        pages: str = PAGES,
        gate: tuple[str, ...] = GATE,
    ) -> None:
        self.root = root
        self.gate = gate
        self.folder = root / pages
        self.shelf = Sources(root)
        self.pages = tuple(
            self.read(p.relative_to(self.folder).as_posix())
            for p in sorted(self.folder.rglob("*.md"))
        )

    def read(self, name: str) -> Page:
        """Reads and weaves one page."""
        return self.weave((self.folder / name).read_text("utf-8"), name)

    def weave(self, text: str, name: str) -> Page:
        """Weaves the blocks of a page."""
        woven: list[WovenWalk] = []
        drawn: list[Figure] = []
        played: list[Scene] = []
        problems: list[Problem] = []
        for found in walks.read(text.splitlines()):
            if isinstance(found, Misread):
                problems.append(found.at(name, found.line))
            elif isinstance(found, Figure):
                try:
                    figures.check(found.name)
                except Refused as unknown:
                    problems.append(unknown.at(name, found.first))
                drawn.append(found)
            elif isinstance(found, Scene):
                try:
                    scenes.check(self.root, found)
                    played.append(found)
                except Refused as unknown:
                    problems.append(unknown.at(name, found.first))
            else:
                one, wrong = weave(found, name, self.root, self.shelf)
                problems += wrong
                if one:
                    woven.append(one)
        return Page(
            name,
            text,
            tuple(woven),
            tuple(drawn),
            tuple(played),
            tuple(problems),
        )

    def walks(self) -> Iterator[WovenWalk]:
        """Yields every walk of the book."""
        for page in self.pages:
            yield from page.walks

    @cached_property
    def problems(self) -> list[Problem]:
        """Everything that is wrong with the book as a whole."""
        found = [p for page in self.pages for p in page.problems]
        return found or [
            *self._second_homes(),
            *self._second_stages(),
            *self._gaps(),
        ]

    def _second_homes(self) -> Iterator[Problem]:
        homes: dict[str, tuple[Page, Walk]] = {}
        for page in self.pages:
            for woven in page.walks:
                name = str(woven.symbol)
                if name in homes:
                    home, walk = homes[name]
                    yield Problem(
                        page.name,
                        woven.walk.first,
                        f"{name} has its home at {home.name}:{walk.first}",
                        f"link to it: {home.name}#{woven.symbol.id}",
                    )
                homes.setdefault(name, (page, woven.walk))

    def _second_stages(self) -> Iterator[Problem]:
        """Yields what is played in two places."""
        stages: dict[tuple[str, int], str] = {}
        for page in self.pages:
            for scene in page.scenes:
                here = f"{page.name}:{scene.first}"
                for name, act in scenes.places(self.root, scene):
                    if (name, act) in stages:
                        said = f"{name} act {act}" if act else name
                        yield Problem(
                            page.name,
                            scene.first,
                            f"{said} is played at {stages[name, act]}",
                            "link to it there",
                        )
                    stages.setdefault((name, act), here)

    def _gaps(self) -> Iterator[Problem]:
        """Yields what the gate demands and no note covers."""
        noted = self.noted_python()
        go = self.noted_go() | self.ledger()
        home = {str(w.symbol): (p, w) for p in self.pages for w in p.walks}
        for name in self.gate:
            path, _, symbol_name = name.partition(" ")
            try:
                source = python.read(self.root, path)
                symbol = source.symbol(symbol_name)
            except Refused as wrong:
                yield wrong.at("book/weave/pages.py", 1)
                continue
            if name not in home:
                yield Problem(
                    "book/weave/pages.py",
                    1,
                    f"the gate demands a walk of {name}, and there is none",
                    "write it",
                )
                continue
            page, woven = home[name]
            line = woven.walk.first
            bare = source.executable & set(symbol.lines)
            bare -= {n for file, n in noted if file == path}
            if bare:
                yield Problem(
                    page.name,
                    line,
                    f"no note covers {path}:{say_ranges(bare)}",
                    "let a note start there, or earlier",
                )
            want = golang.code_lines(golang.sources(symbol))
            for file in sorted({f for f, _ in want - go}):
                missing = {n for f, n in want - go if f == file}
                yield Problem(
                    page.name,
                    line,
                    f"no note names {file}:{say_ranges(missing)}",
                    "add the lines to the note that explains them",
                )

    def noted_python(self) -> frozenset[tuple[str, int]]:
        """Returns the Python lines that lie under a note."""
        return frozenset(
            (w.symbol.path, n)
            for w in self.walks()
            for p in w.placed
            for n in p.lines
        )

    def noted_go(self) -> frozenset[tuple[str, int]]:
        """Returns the Go code lines that some note names."""
        return golang.code_lines(
            r for w in self.walks() for p in w.placed for r in p.go
        )

    def ledger(self) -> frozenset[tuple[str, int]]:
        """Returns the Go code lines that have a row among the divergences."""
        file = self.root / LEDGER
        if not file.is_file():
            return frozenset()
        rows, _ = read_ledger(file.read_text(encoding="utf-8"))
        return golang.code_lines(
            GoRange(row.file, row.first, row.last)
            for row in rows
            if row.first and row.file in facts.load()
        )

    def coverage(self) -> list[Coverage]:
        """Returns how far the notes have come, Python first, then Go."""
        found: list[Coverage] = []
        noted = self.noted_python()
        for path in sorted({w.symbol.path for w in self.walks()}):
            ran = python.read(self.root, path).executable
            done = sum((path, n) in noted for n in ran)
            found.append(Coverage(path, done, len(ran)))
        go = self.noted_go() | self.ledger()
        for file in sorted({f for f, _ in self.noted_go()}):
            lines = golang.file_lines(file)
            found.append(Coverage(file, len(lines & go), len(lines)))
        return found
