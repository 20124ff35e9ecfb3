"""The harness itself: its commands, its refusals, its command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from port import raftpb as pb
from port.errors import Malformed, ProposalDropped, RaftError, RaftPanic
from port.raft import Config, StateCandidate, StateFollower, StateLeader
from port.rafttest.__main__ import main
from port.rafttest.datadriven import parse
from port.rafttest.interaction_env import (
    InteractionEnv,
    InteractionOpts,
    raft_config_stub,
)
from port.rafttest.interaction_env_handler_deliver_msgs import Recipient
from port.rafttest.interaction_env_handler_restart import RestartRefused
from port.rafttest.interaction_env_logger import LVL_NAMES, RedirectLogger
from port.types import SnapshotFailure


def say(env: InteractionEnv, *lines: str) -> str:
    """Carry out directives of one line each; return the last one's output."""
    output = ""
    for line in lines:
        command, _, given = line.partition("\n")
        (d,) = parse(f"{command}\n{given}\n----\n", "script")
        output = env.handle(d)
    return output


def cluster(options: str = "", quiet: bool = True) -> InteractionEnv:
    """Return three voters, of which node 1 leads; their log begins at 11."""
    env = InteractionEnv()
    say(
        env,
        "log-level none",
        f"add-nodes 3 voters=(1,2,3) index=10 {options}",
        "campaign 1",
        "stabilize",
    )
    if not quiet:
        say(env, "log-level debug")
    return env


def refusal(env: InteractionEnv, line: str) -> str:
    with pytest.raises(Malformed) as caught:
        say(env, line)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("frobnicate 1", "unknown command"),
        ("add-nodes", "missing argument; usage: add-nodes <number>"),
        ("add-nodes three", "not a number: 'three'"),
        ("add-nodes 1 learner=2", "unknown argument learner=2; usage"),
        ("add-nodes 1 index=-1", "index: not a number: '-1'"),
        ("add-nodes 1 prevote=maybe", "neither true nor false: 'maybe'"),
        ("add-nodes 1 read-only=never", "invalid read-only option 'never'"),
        ("campaign", "missing argument; usage: campaign <id>"),
        ("campaign x", "not a number: 'x'"),
        ("campaign 0", "there is no node 0; nodes so far: 3"),
        ("campaign 4", "there is no node 4; nodes so far: 3"),
        ("campaign 1 2", "unexpected argument '2'; usage: campaign <id>"),
        ("campaign 99999999999999999999", "not a number"),
        ("compact 1", "missing argument; usage: compact <id> <index>"),
        ("compact 1 x", "not a number: 'x'"),
        ("deliver-msgs x", "not a number: 'x'"),
        ("deliver-msgs 1 type=MsgLetter", "unknown message type MsgLetter"),
        ("deliver-msgs 2 drop=2", "can't both deliver and drop msgs to 2"),
        ("deliver-msgs drop=x", "drop: not a number: 'x'"),
        ("process-ready", "missing argument; usage: process-ready <id> ..."),
        ("process-ready 1 9", "there is no node 9"),
        ("process-append-thread", "missing argument"),
        ("process-append-thread 9", "there is no node 9"),
        ("process-apply-thread", "missing argument"),
        ("process-apply-thread 9", "there is no node 9"),
        ("log-level", "missing argument; usage: log-level <level>"),
        ("raft-log", "missing argument; usage: raft-log <id>"),
        ("raft-log 9", "there is no node 9"),
        ("raft-state 1", "unexpected argument '1'; usage: raft-state"),
        ("set-randomized-election-timeout 1", "missing argument: timeout"),
        ("set-randomized-election-timeout 1 timeout=0", "must not be 0"),
        ("set-randomized-election-timeout timeout=4", "missing argument;"),
        ("stabilize 9", "there is no node 9"),
        ("stabilize 1 level=debug", "unknown argument level=debug"),
        ("status", "missing argument; usage: status <id>"),
        ("status 9", "there is no node 9"),
        ("tick-election", "missing argument; usage: tick-election <id>"),
        ("tick-election 9", "there is no node 9"),
        ("tick-heartbeat", "missing argument; usage: tick-heartbeat <id>"),
        ("tick-heartbeat 9", "there is no node 9"),
        ("transfer-leadership from=1", "missing argument: to"),
        ("transfer-leadership to=1", "missing argument: from"),
        ("transfer-leadership from=9 to=1", 'valid "from" argument'),
        ("transfer-leadership from=1 to=0", 'valid "to" argument'),
        ("forget-leader", "missing argument; usage: forget-leader <id>"),
        ("forget-leader 9", "there is no node 9"),
        ("send-snapshot 1", "missing argument; usage: send-snapshot"),
        ("send-snapshot 1 9", "there is no node 9"),
        ("propose 1", "missing argument; usage: propose <id> <word>"),
        ("propose 9 x", "there is no node 9"),
        ("propose 1 x y", "unexpected argument 'y'"),
        ("propose 1 color=blue", "unknown argument color=blue"),
        ("propose-conf-change", "missing argument; usage"),
        ("propose-conf-change 9", "there is no node 9"),
        ("propose-conf-change 1 v1=perhaps", "neither true nor false"),
        ("propose-conf-change 1 transition=odd", "unknown transition odd"),
        ("propose-conf-change 1 v1=true", "needs one operation"),
        ("report-unreachable 1", "missing argument; usage"),
        ("report-unreachable 1 9", "there is no node 9"),
        ("read-index 1", "missing argument; usage: read-index <id> <word>"),
        ("read-index 9 x", "there is no node 9"),
        ("report-snapshot 1 2", "missing argument: status"),
        ("report-snapshot 1 status=finish", "missing argument; usage"),
        ("report-snapshot 1 2 status=lost", "neither finish nor failure"),
        ("restart", "missing argument; usage: restart <id>"),
        ("restart 9", "there is no node 9"),
    ],
)
def test_what_makes_no_sense_is_refused(line: str, reason: str) -> None:
    env = cluster()
    text = refusal(env, line)
    assert text.startswith(f"script:1: {line.split(' ')[0]}: ")
    assert reason in text
    assert text.count("script:1") == 1
    # The cluster is none the worse for it.
    assert len(env.nodes) == 3
    assert say(env, "propose 1 x", "stabilize") == "ok"


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("log-level loud", f"log levels must be either of {[*LVL_NAMES]}"),
        ("stabilize log-level=loud", "log levels must be either of"),
        ("propose-conf-change 1\nx9", "unknown input: x9"),
        ("propose-conf-change 1 v1=true\nv4 v5", "only have one operation"),
        ("propose-conf-change 1 v1=true transition=explicit\nv4", "no trans"),
        ("compact 1 3", "requested index is unavailable due to compaction"),
        ("add-nodes 1 voters=1", "index must be specified as > 1"),
        ("propose 2 x", "ok"),
        ("deliver-msgs 1", "no messages"),
    ],
)
def test_what_the_library_refuses_is_printed(line: str, output: str) -> None:
    output = output.replace("'", "").replace(",", "")
    assert output in say(cluster(quiet=False), line).replace(",", "")


def test_errors_are_printed_even_if_all_else_is_silent() -> None:
    env = InteractionEnv()
    say(env, "log-level none", "add-nodes 2 voters=(1,2) index=10")
    assert say(env, "raft-state") == "ok"
    assert say(env, "propose 1 x") == "raft proposal dropped"


def test_no_op() -> None:
    assert say(InteractionEnv(), "_breakpoint") == "ok"


def test_message_to_a_node_that_is_not_there() -> None:
    env = InteractionEnv()
    say(env, "add-nodes 1 voters=(1,2) index=10", "campaign 1")
    say(env, "process-ready 1")
    assert "there is no node 2; nodes so far: 1" in refusal(
        env, "deliver-msgs 2"
    )


def test_message_to_a_node_that_is_not_there_can_be_dropped() -> None:
    env = InteractionEnv()
    say(env, "add-nodes 1 voters=(1,2) index=10", "campaign 1")
    say(env, "process-ready 1")
    output = say(env, "deliver-msgs drop=2")
    assert output == "dropped: 1->2 MsgVote Term:1 Log:1/10\n"
    assert env.messages == []


def test_local_messages_are_never_dropped() -> None:
    env = InteractionEnv()
    say(
        env,
        "add-nodes 1 voters=(1) index=10 async-storage-writes=true",
        "campaign 1",
        "process-ready 1",
        "process-append-thread 1",
    )
    assert [(m.from_, m.to) for m in env.messages] == [(1, 1)]
    assert say(env, "deliver-msgs drop=1") == "no messages\n"
    assert len(env.messages) == 1


def test_only_one_type_is_delivered() -> None:
    env = cluster()
    say(env, "propose 1 x", "tick-heartbeat 1", "process-ready 1")
    taken = env.deliver_msgs(pb.MsgHeartbeat, Recipient(2), Recipient(3))
    assert taken == 2
    assert {m.type for m in env.messages} == {pb.MsgApp}


def test_a_panic_passes_through() -> None:
    env = cluster()
    with pytest.raises(RaftPanic, match="compact 99 is out of bound"):
        say(env, "compact 1 99")


def test_output_before_a_panic_is_kept() -> None:
    env = cluster(quiet=False)
    env.nodes[0].storage.append = None  # type: ignore[assignment]
    with pytest.raises(TypeError):
        say(env, "propose 1 x", "stabilize")
    assert str(env.output).startswith(
        "> 1 handling Ready\n  Ready MustSync=true:\n  Entries:\n  1/12 "
    )


def test_a_level_for_one_command() -> None:
    env = cluster(quiet=False)
    assert say(env, "propose 1 x", "stabilize log-level=none") == "ok"
    assert say(env, "raft-state").startswith("1: StateLeader (Voter) Term:1 ")


def test_methods_raise_what_scripts_print() -> None:
    env = InteractionEnv()
    env.add_nodes(2, raft_config_stub(), pb.Snapshot())
    with pytest.raises(ProposalDropped):
        env.propose(0, b"x")
    with pytest.raises(Malformed, match="there is no node 0"):
        env.campaign(-1)


def test_on_config_sees_each_node() -> None:
    seen = []

    def on_config(config: Config) -> None:
        seen.append(config.id)
        config.max_size_per_msg = 1

    env = InteractionEnv(InteractionOpts(on_config))
    say(env, "add-nodes 2 voters=(1,2) index=10", "restart 1")
    assert seen == [1, 2]
    assert [n.config.max_size_per_msg for n in env.nodes] == [1, 1]
    assert env.nodes[0].raw_node.raft.max_msg_size == 1


def test_on_config_may_not_change_everything() -> None:
    def change_id(config: Config) -> None:
        config.id = 7

    def set_logger(config: Config) -> None:
        config.logger = RedirectLogger()

    for hook in (change_id, set_logger):
        env = InteractionEnv(InteractionOpts(hook))
        with pytest.raises(RaftError, match="on_config must not"):
            env.add_nodes(1, raft_config_stub(), pb.Snapshot())
        assert env.nodes == []


def test_election_timeouts_are_not_random_here() -> None:
    for _ in range(5):
        env = InteractionEnv()
        say(env, "add-nodes 2 voters=(1,2) index=10", "tick-election 2")
        roles = [n.raw_node.raft.state for n in env.nodes]
        assert roles == [StateFollower, StateCandidate]


def test_election_timeout_can_be_set() -> None:
    env = InteractionEnv()
    say(
        env,
        "add-nodes 1 voters=(1,2) index=10",
        "set-randomized-election-timeout 1 timeout=5",
        "tick-election 1",
    )
    assert env.nodes[0].raw_node.raft.state is StateFollower
    env.tick(0, 2)
    assert env.nodes[0].raw_node.raft.state is StateCandidate


def test_read_index_answers_in_a_ready() -> None:
    env = cluster(quiet=False)
    output = say(env, "read-index 1 ab", "stabilize")
    assert "ReadStates [{11 [97 98]}]" in output


def test_report_snapshot_ends_the_wait() -> None:
    env = cluster(quiet=False)
    leader = env.nodes[0].raw_node.raft
    leader.trk.progress[3].become_snapshot(11)
    assert "StateSnapshot" in say(env, "status 1")
    env.report_snapshot(0, 3, SnapshotFailure)
    status = say(env, "status 1").splitlines()[2]
    assert status == "3: StateProbe match=11 next=12 paused"
    leader.trk.progress[3].become_snapshot(13)
    say(env, "report-snapshot 1 3 status=finish")
    status = say(env, "status 1").splitlines()[2]
    assert status == "3: StateProbe match=11 next=14 paused"


def test_restart_keeps_storage_and_nothing_else() -> None:
    env = cluster(options="content=z async-storage-writes=true")
    say(env, "propose 1 a", "stabilize", "propose 1 b", "process-ready 1")
    node = env.nodes[0]
    before = node.raw_node
    assert node.append_work
    assert node.history[-1].data == b"za"
    in_flight = len(env.messages)
    say(env, "log-level debug")
    assert say(env, "restart 1").splitlines()[-1] == (
        "INFO newRaft 1 [peers: [1,2,3], term: 1, commit: 12, applied: 10,"
        " lastindex: 12, lastterm: 1]"
    )
    assert node.raw_node is not before
    assert node.raw_node.raft.state is StateFollower
    assert (node.append_work, node.apply_work) == ([], [])
    assert [s.index for s in node.history] == [10]
    assert len(env.messages) == in_flight == 2
    # The append in flight must not arrive, or node 1 cannot win.
    say(env, "log-level none", "deliver-msgs drop=(2,3)", "campaign 1")
    say(env, "stabilize")
    assert node.raw_node.raft.state is StateLeader
    assert node.history[-1].data == b"za"


def test_restart_starts_from_the_stored_snapshot_not_from_the_present() -> None:
    env = cluster(options="content=z")
    say(env, "propose 1 a", "stabilize", "compact 1 11")
    # Node 4 gets the state by snapshot, as the log before it is gone.
    say(env, "add-nodes 1", "propose-conf-change 1\nv4", "stabilize")
    node = env.nodes[3]
    assert node.storage.stored_snapshot().index == 13
    assert node.storage.snapshot().index == node.history[-1].index
    say(env, "propose 1 b", "stabilize", "restart 4")
    assert node.config.applied == 13
    assert node.raw_node.raft.raft_log.applied == 13
    assert [s.index for s in node.history] == [0]


def test_restart_after_compaction_is_refused() -> None:
    env = cluster()
    say(env, "propose 1 a", "stabilize", "compact 1 11")
    node = env.nodes[0]
    before, history = node.raw_node, list(node.history)
    with pytest.raises(RestartRefused) as caught:
        say(env, "restart 1")
    assert str(caught.value) == (
        "script:1: restart: cannot restart node 1: its log was compacted up"
        " to 11, beyond the stored snapshot at 10"
    )
    assert node.raw_node is before
    assert node.history == history
    assert say(env, "propose 1 b", "stabilize") == "ok"


def test_restart_after_compaction_up_to_the_snapshot() -> None:
    env = InteractionEnv()
    say(env, "log-level none", "add-nodes 1", "add-nodes 1 voters=2 index=10")
    assert say(env, "restart 1", "restart 2") == "ok"


SCRIPT = """\
# Two nodes.
log-level none
----
ok

add-nodes 2 voters=(1,2) index=10
----
ok

{}
----
ok

# The end.
"""


def write(folder: Path, line: str, name: str = "script.txt") -> Path:
    path = folder / name
    path.write_text(SCRIPT.format(line))
    return path


def test_run_prints_the_transcript(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "script.txt"
    path.write_text("# hello\nadd-nodes 1\n----\nwhatever\n\n# bye\n")
    assert main(["run", str(path)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out == (
        "# hello\nadd-nodes 1\n----\n"
        "INFO 1 switched to configuration voters=()\n"
        "INFO 1 became follower at term 0\n"
        "INFO newRaft 1 [peers: [], term: 0, commit: 0, applied: 0,"
        " lastindex: 0, lastterm: 0]\n\n# bye\n"
    )


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("frobnicate 1", "10: frobnicate: unknown command"),
        ("campaign 3", "10: campaign: there is no node 3"),
        ("campaign", "10: campaign: missing argument"),
        ("campaign (1", "10: campaign: not a number"),
        ("stabilize log-level=(info", "10: cannot parse directive"),
        ("compact 1 99", "10: compact: panic: compact 99 is out of bound"),
        ("add-nodes 1 inflight=0", "10: add-nodes: panic: max inflight"),
        pytest.param(
            f"add-nodes 1 index={'9' * 9999}",
            "10: add-nodes: index: not a number",
            id="long value",
        ),
        pytest.param(
            f"campaign {'9' * 9999}",
            "10: campaign: not a number",
            id="long number",
        ),
    ],
)
@pytest.mark.parametrize("command", ["run", "check"])
def test_a_script_that_fails_says_where_and_why(
    command: str,
    line: str,
    where: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write(tmp_path, line)
    assert main([command, str(path)]) == 1
    out, err = capsys.readouterr()
    if command == "check":
        assert out.splitlines()[-1] == "0 passed, 1 failed"
        err = out
    assert f"{path}:{where}" in err
    assert "Traceback" not in out + err


def test_run_prints_what_came_before_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "campaign 3")
    assert main(["run", str(path)]) == 1
    out = capsys.readouterr().out
    assert out == SCRIPT.format("campaign 3").partition("3\n----\n")[0] + (
        "3\n----\n"
    )


def test_run_without_separator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "script.txt"
    path.write_text("add-nodes 1\n")
    assert main(["run", str(path)]) == 1
    assert f"{path}:1: no ---- after 'add-nodes'" in capsys.readouterr().err


def test_files_that_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "binary.txt").write_bytes(b"\xff\n")
    for path, reason in (
        (tmp_path / "missing.txt", "No such file"),
        (tmp_path / "binary.txt", "not UTF-8"),
        (tmp_path, "Is a directory"),
    ):
        assert main(["run", str(path)]) == 1
        err = capsys.readouterr().err
        assert err.startswith(f"{path}: ")
        assert reason in err


def test_check_goes_on_after_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "frobnicate", "a.txt")
    write(tmp_path, "compact 1 99", "b.txt")
    write(tmp_path, "campaign 1", "c.txt")
    assert main(["check", str(tmp_path), str(tmp_path / "none.txt")]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == "1 passed, 3 failed"
    assert len(out) == 4


def test_check_compares_byte_for_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "script.txt"
    good = "add-nodes 0\n----\nok\n\nraft-state\n----\nok\n"
    path.write_text(good)
    assert main(["check", str(path)]) == 0
    capsys.readouterr()
    path.write_text(good.replace("state\n----\nok", "state\n----\nok "))
    assert main(["check", str(path)]) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"{path}:5: raft-state: the output differs\n---")
    assert "\n-ok \n+ok\n" in out


def test_a_long_difference_is_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "script.txt"
    path.write_text("add-nodes 20\n----\nok\n")
    assert main(["check", str(path)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[-2] == "... and 44 lines more"
    assert len(out) == 23


def test_check_skips_what_is_no_transcript(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("words\n")
    (tmp_path / "notes.txt").write_text("# only a comment\n")
    for name in ("a", "b"):
        (tmp_path / f"{name}.ndjson").write_text("{}\n")
    hidden = tmp_path / ".hidden"
    hidden.mkdir()
    write(hidden, "frobnicate")
    path = write(tmp_path, "campaign 1")
    assert main(["check", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (
        f"skipped {tmp_path}/README.md: no transcript\n"
        f"skipped {tmp_path}/*.ndjson (2 files): no transcript\n"
        f"skipped {tmp_path}/notes.txt: no transcript\n"
        "1 passed, 0 failed\n"
    )
    path.unlink()
    assert main(["check", str(tmp_path)]) == 1
    assert "found nothing to check" in capsys.readouterr().out


def test_the_folder_chooses_the_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scripts = {
        "confchange": "simple\nv1\n----\nvoters=(1)\n"
        "1: StateProbe match=0 next=1\n",
        "quorum": "vote cfg=(1) votes=(y)\n----\nVoteWon\n",
    }
    for package, script in scripts.items():
        folder = tmp_path / package / "testdata"
        folder.mkdir(parents=True)
        (folder / "some.txt").write_text(script)
    assert main(["check", str(tmp_path)]) == 0, capsys.readouterr().out


def command_line(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "port.rafttest", *args],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": ""},
        check=False,
    )


def test_the_module_can_be_run(tmp_path: Path) -> None:
    path = write(tmp_path, "campaign 1")
    good = command_line("check", str(path))
    assert (good.returncode, good.stdout) == (0, "1 passed, 0 failed\n")
    bad = command_line("run", str(tmp_path / "none.txt"))
    assert (bad.returncode, bad.stdout) == (1, "")
    unknown = command_line("fly")
    assert unknown.returncode == 2
    assert unknown.stderr.startswith("usage: python -m port.rafttest")
