"""The disk, the network, and the text form of schedules."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from labs.bugs import find
from port import raftpb as pb
from tests.properties import actions as act
from tests.properties.actions import Schedule, Setup, parse, parse_action, show
from tests.properties.cluster import Cluster
from tests.properties.disk import Compaction, Disk, Write
from tests.properties.generate import schedules
from tests.properties.running import run, shrink
from tests.properties.script import script_of


def entries(*terms: int, first: int = 1) -> list[pb.Entry]:
    return [pb.Entry(term, index) for index, term in enumerate(terms, first)]


def disk() -> Disk:
    return Disk(pb.Snapshot)


class TestDisk:
    def test_what_is_written_can_be_read(self) -> None:
        d = disk()
        d.write(Write(entries(1, 1), pb.HardState(1, 2, 0), None))
        assert d.last_index() == 2
        assert d.log() == (0, [0])

    def test_a_crash_takes_what_was_not_synced(self) -> None:
        d = disk()
        d.write(Write(entries(1, 1), pb.HardState(1, 2, 0), None))
        d.sync()
        d.write(Write(entries(2, first=2), pb.HardState(2, 3, 1), None))
        assert d.log() == (0, [0, 1, 1])
        d.crash(0)
        assert d.last_index() == 2
        assert d.term_of(2) == 1
        assert d.vote == 2

    def test_a_crash_may_leave_the_first_writes(self) -> None:
        d = disk()
        for index in (1, 2, 3):
            d.write(Write(entries(1, first=index), None, None))
        d.crash(2)
        assert d.log() == (0, [0, 1, 1])

    def test_an_overwritten_tail_may_come_back(self) -> None:
        d = disk()
        d.write(Write(entries(1, 1, 1), None, None))
        d.sync()
        d.write(Write(entries(2, first=2), None, None))
        assert d.last_index() == 2
        d.crash(0)
        assert d.log() == (0, [0, 1, 1, 1])

    def test_what_lives_on_is_not_what_is_durable(self) -> None:
        d = disk()
        d.write(Write(entries(1), None, None))
        d.crash(act.ALL)
        d.write(Write(entries(1, first=2), None, None))
        d.write(Compaction(1, pb.ConfState(), b"s", 1))
        assert d.log() == (0, [0, 1])
        assert d.first_index() == 2
        d.sync()
        assert d.log() == (1, [1, 1])
        assert d.holds(1, 7)
        assert d.holds(2, 1)
        assert not d.holds(3, 1)

    def test_blank(self) -> None:
        d = disk()
        assert d.is_blank()
        d.write(Write([], pb.HardState(1, 0, 0), None))
        assert d.is_blank()
        d.sync()
        assert not d.is_blank()


LINES = [
    "tick 1 3", "campaign 2", "stand 2", "propose 1", "ready 1", "part 3",
    "append 1", "apply 1", "deliver 1->2", "deliver 1->2 #2",
    "deliver 1->2 again", "deliver 1->2 #1 again", "lose 2->1", "lose 2->1 #1",
    "purge", "purge 1,2", "flow 3", "settle 2", "settle 1 among 1,3",
    "cut 1->2", "split 1,2", "heal", "crash 1 keep 0", "crash 1 keep all",
    "restart 2 keep 1", "change 1 auto v4", "change 1 explicit v4 l5 r1",
    "change 2 v1 r1", "leave 1", "transfer 1 to 3", "forget 2", "read 1",
    "compact 1 keep 2", "unreachable 1 about 2", "report 1 about 2 ok",
    "report 1 about 2 failed",
]  # fmt: skip


class TestText:
    @pytest.mark.parametrize("line", LINES)
    def test_a_line_is_read_and_written_alike(self, line: str) -> None:
        assert show(parse_action(line)) == line

    def test_every_kind_of_action_has_a_line(self) -> None:
        kinds = {type(parse_action(line)) for line in LINES}
        assert kinds == set(act.Action.__args__)

    @given(schedules(size=5))
    @settings(
        max_examples=30, derandomize=True, database=None, deadline=None
    )
    def test_what_was_run_can_be_read_back(self, schedule: Schedule) -> None:
        ran = run(schedule, ()).schedule
        assert parse(str(ran)) == ran

    @pytest.mark.parametrize(
        "text",
        ["", "campaign 1", "nodes=3\nnonsense", "nodes=3\ncampaign one",
         "nodes=3 quick", "nodes=3 start=never"],
    )  # fmt: skip
    def test_what_is_no_schedule(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"setup|action"):
            parse(text)

    def test_comments_and_blank_lines(self) -> None:
        assert parse("nodes=1 voters=1\n\n# why\n heal \n") == Schedule(
            Setup(1, (1,)), (act.Heal(),)
        )


class TestNetwork:
    SETUP = Setup()

    def waiting(self, cluster: Cluster, to: int) -> int:
        links = cluster.links.items()
        return sum(len(link) for (_, b), link in links if b == to)

    def started(self) -> Cluster:
        cluster = Cluster(self.SETUP)
        cluster.campaign(1)
        cluster.take_ready(1)
        return cluster

    def test_messages_wait(self) -> None:
        cluster = self.started()
        assert self.waiting(cluster, 2) == self.waiting(cluster, 3) == 1

    def test_a_cut_is_one_way(self) -> None:
        cluster = self.started()
        cluster.cut(1, 2)
        cluster.flow(2)
        cluster.flow(3)
        assert self.waiting(cluster, 2) == 1
        assert self.waiting(cluster, 3) == 0
        cluster.heal()
        cluster.flow(2)
        assert self.waiting(cluster, 2) == 0

    def test_a_split_is_two_ways(self) -> None:
        cluster = Cluster(self.SETUP)
        cluster.split((1,))
        assert cluster.cuts == {(1, 2), (1, 3), (2, 1), (3, 1)}

    def test_a_copy_can_stay(self) -> None:
        cluster = self.started()
        cluster.deliver(1, 2, 0, True)
        assert self.waiting(cluster, 2) == 1
        assert cluster.nodes[2].view.term == 1

    def test_who_is_down_hears_nothing(self) -> None:
        cluster = self.started()
        cluster.crash(2, 0)
        cluster.flow(2)
        assert self.waiting(cluster, 2) == 0
        cluster.restart(2, 0)
        assert cluster.nodes[2].view.term == 0

    def test_a_crash_between_two_steps(self) -> None:
        for steps, term in ((1, 0), (2, 0), (3, 1), (4, 1), (5, 1)):
            cluster = Cluster(self.SETUP)
            cluster.campaign(1)
            for _ in range(steps):
                cluster.part(1)
            cluster.restart(1, 0)
            assert cluster.nodes[1].view.term == term

    @pytest.mark.parametrize("line", LINES)
    @pytest.mark.parametrize("setup", [Setup(1, (1,)), Setup(3, (1, 2))])
    def test_every_action_makes_sense_or_does_nothing(
        self, line: str, setup: Setup
    ) -> None:
        cluster = Cluster(setup)
        cluster.crash(1, 0)
        cluster.run((parse_action(line), parse_action(line)))


def test_a_schedule_is_cut_down_to_what_matters() -> None:
    long = parse("""
        nodes=3 voters=1,2,3 seed=3
        heal
        campaign 1
        propose 2
        campaign 2
        settle 3
    """)
    with find("leads_on_a_minority").planted():
        short = shrink(long, 1)
    assert str(short) == (
        "nodes=2 voters=1,2\ncampaign 1\ncampaign 2\nsettle 1"
    )


def test_a_schedule_as_a_script() -> None:
    script = script_of(parse("""
        nodes=3 voters=1,2,3
        campaign 1
        settle 2 among 1,2
        read 1
        change 1 implicit v2 l3
        restart 2 keep all
    """))
    assert script is not None
    for command in (
        "add-nodes 3 voters=(1,2,3) index=2", "campaign 1",
        "process-ready 1", "deliver-msgs 2", "read-index 1 r1",
        "propose-conf-change 1 transition=implicit", "restart 2",
    ):  # fmt: skip
        assert command in script.splitlines()


@pytest.mark.parametrize(
    "lines",
    [
        "start=fresh\ncampaign 1",
        "start=bootstrap\ncampaign 1",
        "\ncampaign 1\npart 1\ncrash 1 keep 0",
        "\ncampaign 1\nready 1\ndeliver 1->2 again",
    ],
)
def test_what_cannot_be_said(lines: str) -> None:
    assert script_of(parse(f"nodes=3 voters=1,2,3 {lines}")) is None
