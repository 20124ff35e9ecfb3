"""Channels and `select`: by example, then against a model, then by race."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from port.chan import Case, Chan, Recv, Send, select, try_select
from port.errors import RaftPanic
from tests.port.loops import on_loop, settle, spawn


def first(n: int) -> int:
    return 0


# Sending and receiving


@on_loop
async def test_an_unbuffered_sender_stays_until_a_receiver_comes() -> None:
    ch: Chan[str] = Chan()
    sender = spawn(ch.send("a"))
    await settle()
    assert not sender.done()
    assert await ch.recv() == ("a", True)
    await settle()
    assert sender.done()


@on_loop
async def test_an_unbuffered_receiver_stays_until_a_sender_comes() -> None:
    ch: Chan[str] = Chan()
    receiver = spawn(ch.recv())
    await settle()
    assert not receiver.done()
    await ch.send("a")
    assert await receiver == ("a", True)


@on_loop
async def test_a_buffer_holds_cap_values_and_then_the_sender_waits() -> None:
    ch: Chan[int] = Chan(2)
    await ch.send(1)
    await ch.send(2)
    third = spawn(ch.send(3))
    await settle()
    assert (len(ch), third.done()) == (2, False)
    assert await ch.recv() == (1, True)
    await settle()
    assert (len(ch), third.done()) == (2, True)


@pytest.mark.parametrize("cap", [0, 1, 3])
@on_loop
async def test_values_leave_in_the_order_in_which_they_came(cap: int) -> None:
    ch: Chan[int] = Chan(cap)
    for n in range(7):
        spawn(ch.send(n))
    await settle()
    assert [await ch.recv() for _ in range(7)] == [(n, True) for n in range(7)]


@on_loop
async def test_receivers_are_served_in_the_order_of_their_arrival() -> None:
    ch: Chan[int] = Chan()
    receivers = [spawn(ch.recv()) for _ in range(3)]
    await settle()
    for n in range(3):
        await ch.send(n)
    assert [await r for r in receivers] == [(n, True) for n in range(3)]


@on_loop
async def test_a_partner_that_waits_is_met_without_leaving_the_turn() -> None:
    ch: Chan[int] = Chan()
    spawn(ch.recv())
    await settle()
    others_ran: list[bool] = []
    asyncio.get_running_loop().call_soon(others_ran.append, True)
    await ch.send(1)
    assert not others_ran


@on_loop
async def test_an_empty_channel_is_truthy() -> None:
    ch: Chan[int] = Chan()
    assert len(ch) == 0
    assert ch


# Closing


@on_loop
async def test_a_closed_channel_gives_out_its_buffer_and_then_nothing() -> None:
    ch: Chan[int] = Chan(2)
    await ch.send(1)
    ch.close()
    assert await ch.recv() == (1, True)
    assert await ch.recv() == (None, False)
    assert await ch.recv() == (None, False)


@on_loop
async def test_closing_wakes_every_receiver() -> None:
    ch: Chan[int] = Chan()
    receivers = [spawn(ch.recv()) for _ in range(3)]
    await settle()
    ch.close()
    assert [await r for r in receivers] == [(None, False)] * 3


@on_loop
async def test_closing_panics_in_every_waiting_sender() -> None:
    ch: Chan[int] = Chan()
    senders = [spawn(ch.send(n)) for n in range(2)]
    await settle()
    ch.close()
    for sender in senders:
        with pytest.raises(RaftPanic, match="send on closed channel"):
            await sender
    assert await ch.recv() == (None, False)


@on_loop
async def test_sending_on_a_closed_channel_panics() -> None:
    ch: Chan[int] = Chan(1)
    ch.close()
    with pytest.raises(RaftPanic, match="send on closed channel"):
        await ch.send(1)


@on_loop
async def test_closing_twice_panics() -> None:
    ch: Chan[int] = Chan()
    ch.close()
    with pytest.raises(RaftPanic, match="close of closed channel"):
        ch.close()


@on_loop
async def test_a_loop_over_a_channel_ends_when_it_is_closed() -> None:
    ch: Chan[int] = Chan(3)
    for n in range(3):
        await ch.send(n)
    ch.close()
    assert [n async for n in ch] == [0, 1, 2]


@on_loop
async def test_reading_the_value_of_a_case_without_one_is_an_error() -> None:
    ch: Chan[int] = Chan()
    ch.close()
    case = Recv(ch)
    assert await select(case) is case
    assert not case.ok
    with pytest.raises(EOFError):
        case.value  # noqa: B018
    with pytest.raises(EOFError):
        Recv(None).value  # noqa: B018


@on_loop
async def test_a_case_forgets_its_last_value_when_the_channel_ends() -> None:
    ch: Chan[int] = Chan(1)
    case = Recv(ch)
    await ch.send(1)
    ch.close()
    await select(case)
    assert (case.ok, case.value) == (True, 1)
    await select(case)
    assert not case.ok


@on_loop
async def test_a_case_that_waits_forgets_its_last_value_likewise() -> None:
    ch: Chan[int] = Chan(1)
    case = Recv(ch)
    await ch.send(1)
    await select(case)
    waiting = spawn(select(case))
    await settle()
    ch.close()
    await waiting
    assert not case.ok


@on_loop
async def test_the_error_of_a_close_reaches_each_way_of_receiving() -> None:
    ch: Chan[int] = Chan(1)
    late, case = spawn(Chan.recv(ch)), Recv(ch)
    await settle()
    await ch.send(0)
    await ch.send(1)
    ch.close(KeyError("why"))
    assert await late == (0, True)
    values = aiter(ch)
    assert await anext(values) == 1
    with pytest.raises(KeyError, match="why"):
        await anext(values)
    with pytest.raises(KeyError, match="why"):
        await ch.recv()
    assert await select(case) is case
    with pytest.raises(KeyError, match="why"):
        case.value  # noqa: B018


# Select


@on_loop
async def test_select_takes_the_only_case_that_is_ready() -> None:
    a: Chan[int] = Chan()
    b: Chan[int] = Chan(1)
    await b.send(5)
    cases = Recv(a), Recv(b)
    assert await select(*cases) is cases[1]
    assert cases[1].value == 5


@on_loop
async def test_select_waits_for_whichever_comes_first() -> None:
    a: Chan[int] = Chan()
    b: Chan[str] = Chan()
    receive, send = Recv(a), Send(b, "x")
    chosen = spawn(select(receive, send))
    await settle()
    assert await b.recv() == ("x", True)
    assert await chosen is send


@on_loop
async def test_select_leaves_the_other_lines_when_it_has_fired() -> None:
    a: Chan[int] = Chan()
    b: Chan[int] = Chan()
    spawn(select(Recv(a), Send(b, 1)))
    await settle()
    await a.send(1)
    # In the same turn already, before the select's own task has run.
    assert try_select(Recv(b)) is None
    assert try_select(Send(a, 2)) is None
    await settle()
    assert not a._receivers
    assert not b._senders


@on_loop
async def test_who_has_been_met_elsewhere_does_not_wait_any_more() -> None:
    a: Chan[int] = Chan()
    b: Chan[int] = Chan()
    spawn(select(Recv(a), Recv(b)))
    await settle()
    await a.send(1)
    # Its task has not run since, and so still stands in line at the other.
    assert b._receivers
    assert try_select(Send(b, 2)) is None


@on_loop
async def test_select_does_not_meet_itself() -> None:
    ch: Chan[int] = Chan()
    receive, send = Recv(ch), Send(ch, 1)
    chosen = spawn(select(receive, send))
    await settle()
    assert not chosen.done()
    await ch.send(2)
    assert await chosen is receive
    assert receive.value == 2


@on_loop
async def test_two_selects_meet_each_other_once() -> None:
    a: Chan[int] = Chan()
    b: Chan[int] = Chan()
    left = [Send(a, 1), Recv(b)]
    right = [Recv(a), Send(b, 2)]
    one, two = spawn(select(*left)), spawn(select(*right, choose=first))
    assert (left.index(await one), right.index(await two)) == (0, 0)


@on_loop
async def test_a_nil_channel_never_fires() -> None:
    ready: Chan[int] = Chan(1)
    nil = Recv[int](None), Send[int](None, 1)
    assert try_select(*nil) is None
    send = Send(ready, 1)
    assert await select(*nil, send) is send
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await select(*nil)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await select()


@on_loop
async def test_a_case_can_be_armed_and_disarmed_between_selects() -> None:
    ch: Chan[int] = Chan(2)
    await ch.send(1)
    case = Recv[int](None)
    assert try_select(case) is None
    case.chan = ch
    assert try_select(case) is case
    case.chan = None
    await ch.send(2)
    assert try_select(case) is None


@on_loop
async def test_a_select_with_a_default_never_waits() -> None:
    ch: Chan[int] = Chan()
    assert try_select(Recv(ch)) is None
    assert try_select(Send(ch, 1)) is None
    receiver = spawn(ch.recv())
    await settle()
    assert try_select(Send(ch, 1)) is not None
    assert await receiver == (1, True)


@on_loop
async def test_a_select_that_sends_on_a_closed_channel_panics() -> None:
    ch: Chan[int] = Chan()
    waiting = spawn(select(Send(ch, 1), Recv(Chan())))
    await settle()
    ch.close()
    with pytest.raises(RaftPanic, match="send on closed channel"):
        await waiting
    with pytest.raises(RaftPanic, match="send on closed channel"):
        try_select(Send(ch, 1))


@on_loop
async def test_the_choice_among_ready_cases_can_be_injected() -> None:
    full = [Chan[int](1) for _ in range(4)]
    for ch in full[1:]:
        await ch.send(0)
    asked = []

    def last(n: int) -> int:
        asked.append(n)
        return n - 1

    cases = [Recv(ch) for ch in full]
    fired = [try_select(*cases, choose=last) for _ in range(3)]
    assert fired == [cases[3], cases[2], cases[1]]
    assert asked == [3, 2]  # with one left there is nothing to choose


@on_loop
async def test_by_default_the_choice_is_fair() -> None:
    ready = [Chan[int]() for _ in range(3)]
    for ch in ready:
        ch.close()
    cases: list[Case] = [Recv(ch) for ch in ready]
    times = Counter([cases.index(await select(*cases)) for _ in range(3000)])
    # 1000 each; the chance of leaving 1000 +- 250 is below 1 in 10**20.
    assert all(750 < times[n] < 1250 for n in range(3))


# Cancellation


@on_loop
async def test_a_cancelled_sender_has_not_sent() -> None:
    ch: Chan[int] = Chan()
    sender = spawn(ch.send(1))
    await settle()
    sender.cancel()
    # Not even a receiver of the same turn gets the value.
    assert try_select(Recv(ch)) is None
    await settle()
    assert sender.cancelled()
    assert not ch._senders


@on_loop
async def test_a_cancelled_receiver_has_not_eaten() -> None:
    ch: Chan[int] = Chan()
    one, two = spawn(ch.recv()), spawn(ch.recv())
    await settle()
    one.cancel()
    await ch.send(1)
    assert await two == (1, True)
    assert one.cancelled()


@on_loop
async def test_a_receiver_that_is_cancelled_too_late_keeps_its_value() -> None:
    ch: Chan[int] = Chan()
    receiver = spawn(ch.recv())
    await settle()
    await ch.send(1)
    receiver.cancel()
    assert await receiver == (1, True)


@on_loop
async def test_a_sender_that_is_cancelled_too_late_has_sent() -> None:
    ch: Chan[int] = Chan()
    went_on = False

    async def send_and_go_on() -> None:
        nonlocal went_on
        await ch.send(1)
        went_on = True
        await asyncio.Event().wait()

    sender = spawn(send_and_go_on())
    await settle()
    assert await ch.recv() == (1, True)
    sender.cancel()
    # It hears of it where it waits next.
    with pytest.raises(asyncio.CancelledError):
        await sender
    assert went_on


@on_loop
async def test_a_cancellation_in_time_comes_once() -> None:
    """Who cleans up after it can wait in peace."""
    ch: Chan[int] = Chan()
    cleaned_up = False

    async def receive() -> None:
        nonlocal cleaned_up
        try:
            await ch.recv()
        finally:
            await settle()
            cleaned_up = True

    receiver = spawn(receive())
    await settle()
    receiver.cancel()
    await asyncio.wait([receiver])
    assert receiver.cancelled()
    assert cleaned_up


@on_loop
async def test_a_sender_cancelled_after_a_close_hears_of_both() -> None:
    ch: Chan[int] = Chan()
    heard = []

    async def send() -> None:
        try:
            await ch.send(1)
        except RaftPanic as panic:
            heard.append(str(panic))
            await asyncio.Event().wait()

    sender = spawn(send())
    await settle()
    ch.close()
    sender.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sender
    assert heard == ["send on closed channel"]


@on_loop
async def test_a_timeout_that_loses_the_race_is_not_heard_of_again() -> None:
    ch: Chan[int] = Chan()
    got = []

    async def receive() -> None:
        async with asyncio.timeout(60) as timeout:
            timeouts.append(timeout)
            got.append(await ch.recv())
        await settle()
        got.append(asyncio.current_task().cancelling())

    timeouts: list[asyncio.Timeout] = []
    receiver = spawn(receive())
    await settle()
    timeouts[0].reschedule(asyncio.get_running_loop().time() - 1)
    await ch.send(1)  # the timer goes off before the receiver runs again
    await receiver
    assert got == [(1, True), 0]


@on_loop
async def test_a_late_timeout_ends_the_wait_after_it() -> None:
    ch: Chan[int] = Chan()
    got = []

    timeouts: list[asyncio.Timeout] = []

    async def receive() -> None:
        async with asyncio.timeout(60) as timeout:
            timeouts.append(timeout)
            got.append(await ch.recv())
            await asyncio.Event().wait()

    receiver = spawn(receive())
    await settle()
    timeouts[0].reschedule(asyncio.get_running_loop().time() - 1)
    await ch.send(1)
    with pytest.raises(TimeoutError):
        await receiver
    assert got == [(1, True)]


# Against a model


class Party:
    """A task that makes one select, and what the model expects of it."""

    def __init__(self, cases: list[Case], task: asyncio.Task[Case]) -> None:
        self.cases = cases
        self.task = task
        self.expected: tuple[str, int, object] | None = None

    def outcome(self) -> tuple[str, int, object] | None:
        """What has become of it: `None` while it waits."""
        if not self.task.done():
            return None
        if self.task.cancelled():
            return "cancelled", -1, None
        if self.task.exception() is not None:
            return "panic", -1, None
        case = self.task.result()
        if isinstance(case, Recv):
            got = case.value if case.ok else "closed"
            return "received", self.cases.index(case), got
        return "sent", self.cases.index(case), None


class Model:
    """One channel, said in the plainest way."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.buffer: list[object] = []
        self.closed = False


# A case of a plan: (which channel, or None for nil; what to do with it).
PLAN = st.lists(
    st.tuples(st.sampled_from([None, 0, 1, 2]), st.sampled_from("sr")),
    min_size=1,
    max_size=3,
)


class ChannelsAgainstModel(RuleBasedStateMachine):
    """One action at a time, with time to settle: every outcome is foretold."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.chans = [Chan[object](cap) for cap in range(3)]
        self.models = [Model(cap) for cap in range(3)]
        self.parties: list[Party] = []
        self.values = count()

    def teardown(self) -> None:
        for party in self.parties:
            party.task.cancel()
        self.turn()
        self.loop.close()

    def turn(self) -> None:
        self.loop.run_until_complete(settle())

    def waiting(self, channel: int, kind: type) -> list[tuple[Party, int]]:
        """Who waits at the model's channel, oldest first."""
        return [
            (party, n)
            for party in self.parties
            if party.expected is None
            for n, case in enumerate(party.cases)
            if isinstance(case, kind) and case.chan is self.chans[channel]
        ]

    def possible(self, case: Case) -> bool:
        if case.chan is None:
            return False
        at = self.chans.index(case.chan)
        model = self.models[at]
        if isinstance(case, Send):
            room = len(model.buffer) < model.cap
            return bool(model.closed or room or self.waiting(at, Recv))
        return bool(model.closed or model.buffer or self.waiting(at, Send))

    def meet(self, case: Case) -> tuple[str, object]:
        """Completes a possible case in the model."""
        at = self.chans.index(case.chan)
        model = self.models[at]
        if isinstance(case, Send):
            if model.closed:
                return "panic", None
            if receivers := self.waiting(at, Recv):
                party, n = receivers[0]
                party.expected = "received", n, case.value
            else:
                model.buffer.append(case.value)
            return "sent", None
        if senders := self.waiting(at, Send):
            party, n = senders[0]
            party.expected = "sent", n, None
            model.buffer.append(party.cases[n].value)
        return "received", model.buffer.pop(0) if model.buffer else "closed"

    @rule(plan=PLAN, pick=st.integers(0, 5))
    def start(self, plan: list[tuple[int | None, str]], pick: int) -> None:
        cases: list[Case] = []
        for at, kind in plan:
            chan = None if at is None else self.chans[at]
            value = next(self.values)
            cases.append(Recv(chan) if kind == "r" else Send(chan, value))
        choice = select(*cases, choose=lambda n: pick % n)
        party = Party(cases, self.loop.create_task(choice))
        possible = [n for n, case in enumerate(cases) if self.possible(case)]
        if possible:
            n = possible[pick % len(possible)]
            what, value = self.meet(cases[n])
            party.expected = what, -1 if what == "panic" else n, value
        self.parties.append(party)
        self.turn()

    @precondition(lambda self: self.parties)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        party = data.draw(st.sampled_from(self.parties))
        party.task.cancel()
        if party.expected is None:
            party.expected = "cancelled", -1, None
        self.turn()

    @rule(at=st.integers(0, 2))
    def close(self, at: int) -> None:
        if self.models[at].closed:
            with pytest.raises(RaftPanic):
                self.chans[at].close()
            return
        self.models[at].closed = True
        # A select may wait there both to send and to receive: the receivers
        # are woken first.
        for party, n in self.waiting(at, Recv):
            if party.expected is None:
                party.expected = "received", n, "closed"
        for party, _ in self.waiting(at, Send):
            party.expected = "panic", -1, None
        self.chans[at].close()
        self.turn()

    @invariant()
    def all_is_as_foretold(self) -> None:
        for party in self.parties:
            assert party.outcome() == party.expected
        for chan, model in zip(self.chans, self.models, strict=True):
            assert list(chan._buffer) == model.buffer

    @invariant()
    def only_who_waits_stands_in_line(self) -> None:
        for at, chan in enumerate(self.chans):
            for line, kind in (chan._receivers, Recv), (chan._senders, Send):
                waiting = self.waiting(at, kind)
                assert list(line) == [p.cases[n] for p, n in waiting]


TestChannelsAgainstModel = ChannelsAgainstModel.TestCase
TestChannelsAgainstModel.settings = settings(
    max_examples=120, stateful_step_count=25, deadline=None
)


# By race: nothing has time to settle between two actions

ACTION = st.one_of(
    st.tuples(st.just("start"), PLAN, st.integers(0, 5)),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("close"), st.integers(0, 2)),
    st.tuples(st.just("turn")),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(ACTION, max_size=40), st.booleans())
def test_nothing_is_lost_however_cancellations_race(
    actions: list[tuple], may_close: bool
) -> None:
    """All that was sent is received or in the buffer, all else is nowhere."""

    async def run() -> None:
        chans = [Chan[object](cap) for cap in range(3)]
        parties: list[tuple[asyncio.Task, list[Case]]] = []
        fired: list[Case] = []
        cancelled = set()
        values = count()
        never = asyncio.Event()

        async def party(cases: list[Case], pick: int) -> None:
            fired.append(await select(*cases, choose=lambda n: pick % n))
            await never.wait()

        for action, *args in actions:
            if action == "start":
                plan, pick = args
                cases: list[Case] = []
                for at, kind in plan:
                    ch = None if at is None else chans[at]
                    value = next(values)
                    cases.append(Recv(ch) if kind == "r" else Send(ch, value))
                parties.append((spawn(party(cases, pick)), cases))
            elif action == "cancel" and args[0] < len(parties):
                task = parties[args[0]][0]
                task.cancel()
                cancelled.add(task)
            elif action == "close" and may_close and not chans[args[0]]._closed:
                chans[args[0]].close()
            elif action == "turn":
                await asyncio.sleep(0)
        await settle()

        for ch in chans:
            sent = [c.value for c in fired if c.chan is ch and type(c) is Send]
            received = [
                c.value
                for c in fired
                if c.chan is ch and type(c) is Recv and c.ok
            ]
            assert Counter(sent) == Counter(received + list(ch._buffer))
            live = [
                {n for n, (_, cases) in enumerate(parties) if case in cases}
                for line in (ch._receivers, ch._senders)
                for case in line
            ]
            both = ch._receivers and ch._senders
            assert not both or all(who == live[0] for who in live)
            assert not ch._senders or len(ch) == ch.cap
            assert not ch._receivers or not len(ch)
        # A cancellation may come late but always comes.
        assert all(task.done() for task in cancelled)
        for task, _ in parties:
            task.cancel()
        await asyncio.gather(*(t for t, _ in parties), return_exceptions=True)
        assert not any(ch._receivers or ch._senders for ch in chans)

    asyncio.run(run())
