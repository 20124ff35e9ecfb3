"""Lab 5: what its answer sheet calls harmless is, and what not is not."""

from __future__ import annotations

import tomllib

import pytest

from labs.bugs.planting import Edit
from labs.lab5_porting import ex7_seams
from labs.lab5_porting.replaying import recordings, replay
from labs.runner.checking import Trial, Wrong
from port.log import RaftLog
from port.quorum import MajorityConfig
from port.raft import Raft, leader_heartbeat_resp
from port.tracker import Progress

SHEET = ex7_seams.EXERCISE.reference_path
HARMLESS = tomllib.loads(SHEET.read_text("utf-8"))["harmless"]

CLEAN_UPS = {
    "a": Edit(
        Raft.bcast_append,
        "for id, _ in self.trk.visit()",
        "for id in list(self.trk.progress)",
    ),
    "b": Edit(
        Raft.become_candidate,
        "self.reset(self.term + 1)",
        "self.vote = self.id; self.reset(self.term + 1)",
    ),
    "c": Edit(
        RaftLog.find_conflict_by_term,
        "while index > 0:",
        "for index in range(index, 0, -1):",
    ),
    "d": Edit(
        MajorityConfig.committed_index,
        "indexes.sort()",
        "indexes = sorted(indexes)",
    ),
    "e": Edit(
        leader_heartbeat_resp,
        "pr.match < r.raft_log.last_index() or pr.state is StateProbe",
        "pr.match < r.raft_log.last_index()",
    ),
    "f": Edit(
        Progress.maybe_update,
        "if self.next <= n:\n        self.next = n + 1",
        "self.next = n + 1",
    ),
}
# The second half of b, which the first makes pointless to tell apart.
VOTES = Edit(Raft.become_candidate, "    self.vote = self.id\n", "")


@pytest.mark.parametrize("letter", CLEAN_UPS)
def test_the_sheet_knows_which_clean_ups_are_harmless(letter: str) -> None:
    edit = VOTES if letter == "b" else CLEAN_UPS[letter]
    trial = Trial(object(), SHEET)
    with edit.made():
        if letter in HARMLESS:
            replay(trial)
        else:
            with pytest.raises(Wrong):
                replay(trial)


def test_there_are_recordings_to_replay() -> None:
    assert len([*recordings()]) > 100
