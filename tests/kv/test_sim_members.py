"""Machines that come and go: who is not wanted, and who forgets them."""

from __future__ import annotations

from typing import Any

import pytest

from kv.client import Client
from kv.faults import AddLearner, Promote, Remove, Step
from kv.sim import run as runs
from kv.sim.cluster import Cluster
from kv.sim.run import Setup, run

A, B, C = (("a", 1), ("b", 1), ("c", 1))


def test_a_client_forgets_a_server_and_stays_where_it_is() -> None:
    client = Client([A, B, C])
    client._next()
    assert client.server == B
    client.remove_server(A)
    assert client.server == B
    client.remove_server(A)
    client.remove_server(B)
    assert client.server == C
    client.remove_server(C)
    assert client.server == C  # It would have nobody else to ask.


def test_forgetting_the_last_in_line_leads_back_to_the_first() -> None:
    client = Client([A, B])
    client._next()
    client.remove_server(B)
    assert client.server == A


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch) -> list[Cluster]:
    """The clusters of the runs in a test."""
    found: list[Cluster] = []

    class Kept(Cluster):
        def __init__(self, *args: Any) -> None:  # noqa: ANN401
            super().__init__(*args)
            found.append(self)

    monkeypatch.setattr(runs, "Cluster", Kept)
    return found


def test_a_node_that_was_refused_goes_again(clusters: list[Cluster]) -> None:
    steps = [Step(2.0, AddLearner(4)), Step(2.0, AddLearner(5))]
    outcome = run(Setup(seconds=6.0), steps)
    assert outcome.ok, outcome.verdict()
    (cluster,) = clusters
    states = {m.id: m.state for m in cluster.machines.values()}
    # Only one change can be under way.
    assert sorted((states.pop(4), states.pop(5))) == ["gone", "up"]
    assert {*states.values()} == {"up"}


def test_clients_forget_who_was_removed(
    clusters: list[Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten = []
    monkeypatch.setattr(
        Client, "remove_server", lambda self, server: forgotten.append(server)
    )
    steps = [
        Step(1.5, AddLearner(4)), Step(3.0, Promote(4)), Step(4.0, Remove(1)),
    ]  # fmt: skip
    setup = Setup(seconds=8.0, clients=2)
    outcome = run(setup, steps)
    assert outcome.ok, outcome.verdict()
    (cluster,) = clusters
    assert cluster.machines[1].state == "gone"
    assert forgotten == [cluster.machines[1].client_address] * setup.clients
