"""Messages on the wire, against the protobuf library with the same schema.

The library has the schema from a table in this file, not from the port, and
the table is held against `raft.proto` where there is a copy of it.
"""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path

import pytest
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message,
    message_factory,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from port import raftpb as pb
from port.errors import InvalidConfChange, Malformed, RaftPanic

# Message: rows of field number, name, type; a star says that it repeats.
SCHEMA = {
    "Entry": (
        (1, "type", "EntryType"),
        (2, "term", "uint64"),
        (3, "index", "uint64"),
        (4, "data", "bytes"),
    ),
    "ConfState": (
        (1, "voters", "uint64*"),
        (2, "learners", "uint64*"),
        (3, "voters_outgoing", "uint64*"),
        (4, "learners_next", "uint64*"),
        (5, "auto_leave", "bool"),
    ),
    "SnapshotMetadata": (
        (1, "conf_state", "ConfState"),
        (2, "index", "uint64"),
        (3, "term", "uint64"),
    ),
    "Snapshot": (
        (1, "data", "bytes"),
        (2, "metadata", "SnapshotMetadata"),
    ),
    "Message": (
        (1, "type", "MessageType"),
        (2, "to", "uint64"),
        (3, "from_", "uint64"),
        (4, "term", "uint64"),
        (5, "log_term", "uint64"),
        (6, "index", "uint64"),
        (7, "entries", "Entry*"),
        (8, "commit", "uint64"),
        (9, "snapshot", "Snapshot"),
        (10, "reject", "bool"),
        (11, "reject_hint", "uint64"),
        (12, "context", "bytes"),
        (13, "vote", "uint64"),
        (14, "responses", "Message*"),
    ),
    "HardState": (
        (1, "term", "uint64"),
        (2, "vote", "uint64"),
        (3, "commit", "uint64"),
    ),
    "ConfChangeSingle": (
        (1, "type", "ConfChangeType"),
        (2, "node_id", "uint64"),
    ),
    "ConfChange": (
        (1, "id", "uint64"),
        (2, "type", "ConfChangeType"),
        (3, "node_id", "uint64"),
        (4, "context", "bytes"),
    ),
    "ConfChangeV2": (
        (1, "transition", "ConfChangeTransition"),
        (2, "changes", "ConfChangeSingle*"),
        (3, "context", "bytes"),
    ),
}
ENUMS = {
    "EntryType": 3,
    "MessageType": 24,
    "ConfChangeTransition": 3,
    "ConfChangeType": 4,
}


def library() -> dict[str, type[message.Message]]:
    """Gives the schema to the protobuf library; returns its classes."""
    Field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="raft.proto", package="p", syntax="proto2"
    )
    for name, count in ENUMS.items():
        enum = file.enum_type.add(name=name)
        for number in range(count):
            enum.value.add(name=f"{name}{number}", number=number)
    for name, rows in SCHEMA.items():
        fields = file.message_type.add(name=name).field
        for number, field, kind in rows:
            repeated = kind.endswith("*")
            kind = kind.rstrip("*")
            added = fields.add(
                name=field,
                number=number,
                label=Field.LABEL_REPEATED if repeated
                else Field.LABEL_OPTIONAL,
            )  # fmt: skip
            if kind in SCHEMA or kind in ENUMS:
                added.type_name = f".p.{kind}"
            else:
                added.type = getattr(Field, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"p.{name}")
        )
        for name in SCHEMA
    }


LIBRARY = library()


def ours(name: str) -> type[pb.Proto]:
    found = getattr(pb, name)
    assert issubclass(found, pb.Proto)
    return found


def theirs(mine: pb.Proto) -> message.Message:
    """The same message in the library, field by field."""
    name = type(mine).__name__
    twin = LIBRARY[name]()
    for _, field, kind in SCHEMA[name]:
        value = getattr(mine, field)
        if value is None:
            continue
        if kind.endswith("*"):
            getattr(twin, field).extend(
                theirs(v) if isinstance(v, pb.Proto) else v for v in value
            )
        elif isinstance(value, pb.Proto):
            getattr(twin, field).CopyFrom(theirs(value))
        else:
            setattr(twin, field, value)
    return twin


# Where a number grows by a byte, zero, and the largest one.
numbers = st.one_of(
    st.integers(0, 300),
    st.sampled_from([2**n + d for n in range(7, 64, 7) for d in (-1, 0)]),
    st.just(2**64 - 1),
)
scalars = {
    "uint64": numbers,
    "bool": st.booleans(),
    "bytes": st.one_of(st.binary(max_size=5), st.just(b"x" * 130)),
} | {name: st.sampled_from(getattr(pb, name)) for name in ENUMS}


def messages(name: str, depth: int = 3) -> st.SearchStrategy[pb.Proto]:
    """Messages of a class, each field of which may be absent."""
    fields = {}
    for _, field, kind in SCHEMA[name]:
        single = kind.rstrip("*")
        if single in SCHEMA:
            if depth == 0 or (single == "Message" and depth < 3):
                continue
            values = messages(single, depth - 1)
        else:
            values = scalars[single]
        fields[field] = (
            st.lists(values, max_size=3)
            if kind.endswith("*")
            else st.none() | values
        )
    return st.builds(ours(name), **fields)


@pytest.mark.parametrize("name", SCHEMA)
@settings(max_examples=60)
@given(data=st.data())
def test_the_library_writes_the_same_bytes(
    name: str, data: st.DataObject
) -> None:
    mine = data.draw(messages(name))
    encoded = theirs(mine).SerializeToString(deterministic=True)
    assert mine.marshal() == encoded
    assert mine.size() == len(encoded)
    back = ours(name).unmarshal(encoded)
    assert back == mine
    assert [getattr(back, f) for _, f, _ in SCHEMA[name]] == [
        getattr(mine, f) for _, f, _ in SCHEMA[name]
    ], "absent stays absent, zero stays zero"


def wreck(mine: pb.Proto) -> None:
    """Empties a message and everything in it."""
    for _, field, _ in SCHEMA[type(mine).__name__]:
        value = getattr(mine, field)
        parts = value if isinstance(value, list) else [value]
        for part in parts:
            if isinstance(part, pb.Proto):
                wreck(part)
        if isinstance(value, list):
            value.clear()
        setattr(mine, field, None)


@pytest.mark.parametrize("name", SCHEMA)
@settings(max_examples=40)
@given(data=st.data())
def test_a_clone_lives_on(name: str, data: st.DataObject) -> None:
    mine = data.draw(messages(name))
    twin = mine.clone()
    assert twin == mine
    before = mine.marshal()
    wreck(mine)
    assert twin.marshal() == before


@pytest.mark.upstream
def test_the_table_above_is_upstreams(upstream_checkout: Path) -> None:
    text = (upstream_checkout / "raftpb" / "raft.proto").read_text("utf-8")
    text = re.sub(r"//.*", "", text)
    messages = dict(re.findall(r"message (\w+) \{(.*?)\n\}", text, re.S))
    assert messages.keys() == SCHEMA.keys()
    for name, body in messages.items():
        rows = re.findall(
            r"(optional|repeated)\s+(\w+)\s+(\w+)\s*=\s*(\d+);", body
        )
        assert sorted(
            (
                int(number),
                re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field)
                .lower()
                .replace("from", "from_"),
                kind + "*" * (label == "repeated"),
            )
            for label, kind, field, number in rows
        ) == list(SCHEMA[name]), name
    for name in ENUMS:
        body = re.search(rf"enum {name} \{{(.*?)\n\}}", text, re.S)
        assert body is not None
        values = re.findall(r"(\w+)\s*=\s*(\d+);", body[1])
        assert [(m.name, str(m.value)) for m in getattr(pb, name)] == values


# -- bytes


@pytest.mark.parametrize(
    ("mine", "encoded"),
    [
        (pb.Entry(), ""),
        (pb.Entry(type=pb.EntryNormal), "0800"),
        (pb.Entry(term=0, index=0, data=b""), "100018002200"),
        (pb.Entry(term=300), "10ac02"),
        (pb.HardState(vote=2**64 - 1), "10ffffffffffffffffff01"),
        (pb.ConfState(auto_leave=False), "2800"),
        (pb.Snapshot(metadata=pb.SnapshotMetadata()), "1200"),
        (pb.ConfChangeV2(transition=pb.ConfChangeTransitionAuto), "0800"),
        (
            pb.ConfChange(type=pb.ConfChangeRemoveNode, node_id=3),
            "10011803",
        ),
    ],
)
def test_presence_takes_bytes(mine: pb.Proto, encoded: str) -> None:
    assert mine.marshal().hex() == encoded
    assert mine.size() == len(bytes.fromhex(encoded))
    assert type(mine).unmarshal(bytes.fromhex(encoded)) == mine


def test_fields_of_a_newer_version_are_skipped() -> None:
    """Numbers 100 to 103, one of each wire type; then a term."""
    data = bytes.fromhex("a00601" "a9060000000000000000" "b2060161"
                         "bd0600000000" "1007")  # fmt: skip
    assert pb.Entry.unmarshal(data) == pb.Entry(term=7)


def test_enum_values_of_a_newer_version_are_kept() -> None:
    entry = pb.Entry.unmarshal(bytes.fromhex("0863"))
    assert entry.type == 99
    assert str(entry.type) == "99"
    assert entry.marshal().hex() == "0863"


def test_numbers_that_were_packed_are_read() -> None:
    data = bytes.fromhex("0a03" "01ac02")  # fmt: skip
    assert pb.ConfState.unmarshal(data).voters == [1, 300]


def test_absent_data_is_an_empty_message() -> None:
    assert pb.ConfChangeV2.unmarshal(None) == pb.ConfChangeV2()


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ("10", "cut off"),
        ("1080", "cut off"),
        ("22", "cut off"),
        ("220361", "field 4 is cut off"),
        ("0000", "field number 0"),
        ("10" + "ff" * 10 + "01", "too long"),
        ("10" + "ff" * 9 + "02", "too long"),
        ("1201", "cut off"),
        ("120161", "wrong wire type"),
        ("2001", "wrong wire type"),
        ("0b", "wire type 3"),
        ("0f", "wire type 7"),
    ],
)
def test_what_is_no_entry(data: str, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        pb.Entry.unmarshal(bytes.fromhex(data))


@pytest.mark.parametrize("name", SCHEMA)
@settings(max_examples=50)
@given(data=st.data())
def test_any_bytes_are_read_or_malformed(
    name: str, data: st.DataObject
) -> None:
    noise = data.draw(
        st.one_of(
            st.binary(max_size=40),
            messages(name).map(lambda m: m.marshal()[:-1]),
        )
    )
    try:
        read = ours(name).unmarshal(noise)
    except Malformed:
        return
    assert ours(name).unmarshal(read.marshal()) == read


# -- values


def test_absent_is_not_zero_but_reads_like_it() -> None:
    assert pb.Entry() != pb.Entry(term=0)
    assert pb.Entry() != pb.HardState()
    entry = pb.Entry(1, 2, pb.EntryNormal, b"x")
    assert entry == pb.Entry(1, 2, pb.EntryNormal, b"x")
    for other in (
        pb.Entry(9, 2, pb.EntryNormal, b"x"),
        pb.Entry(1, 9, pb.EntryNormal, b"x"),
        pb.Entry(1, 2, None, b"x"),
        pb.Entry(1, 2, pb.EntryNormal, b"y"),
    ):
        assert entry != other
    assert repr(pb.Entry(term=0)) == "Entry(term=0)"
    empty = pb.Snapshot()
    assert (empty.index, empty.term) == (0, 0)
    assert pb.Snapshot(metadata=pb.SnapshotMetadata()).index == 0
    whole = pb.Snapshot(metadata=pb.SnapshotMetadata(index=5, term=2))
    assert (whole.index, whole.term) == (5, 2)


def test_enums_print_their_names() -> None:
    for name in ENUMS:
        enum: type[IntEnum] = getattr(pb, name)
        for member in enum:
            assert str(member) == f"{member}" == member.name
            assert getattr(pb, member.name) is member


def test_ensure_fills_in_what_is_absent() -> None:
    for given_ in (None, pb.Snapshot(), pb.Snapshot(
        metadata=pb.SnapshotMetadata(conf_state=pb.ConfState())
    )):  # fmt: skip
        snapshot = pb.ensure_snapshot(given_)
        assert given_ is None or snapshot is given_
        assert snapshot == pb.Snapshot(
            metadata=pb.SnapshotMetadata(
                conf_state=pb.ConfState(auto_leave=False), index=0, term=0
            )
        )
    kept = pb.SnapshotMetadata(
        conf_state=pb.ConfState(voters=[1], auto_leave=True), index=3, term=2
    )
    assert pb.ensure_snapshot_metadata(kept.clone()) == kept
    assert pb.ensure_conf_state(None).auto_leave is False


# -- conf changes


steps = st.lists(
    st.builds(
        pb.ConfChangeSingle,
        type=scalars["ConfChangeType"],
        node_id=numbers,
    )
)


@given(steps)
def test_steps_as_text(ccs: list[pb.ConfChangeSingle]) -> None:
    text = pb.conf_changes_to_string(ccs)
    assert pb.conf_changes_from_string(text) == ccs
    assert pb.conf_changes_from_string(f"  {text}\n") == ccs


def test_what_the_letters_mean() -> None:
    kinds = [cc.type for cc in pb.conf_changes_from_string("v1 l2 r3 u4")]
    assert kinds == [
        pb.ConfChangeAddNode,
        pb.ConfChangeAddLearnerNode,
        pb.ConfChangeRemoveNode,
        pb.ConfChangeUpdateNode,
    ]
    assert pb.conf_changes_to_string([pb.ConfChangeSingle()]) == "v0"
    stranger = pb.ConfChangeSingle(type=pb.ConfChangeType(9), node_id=1)
    assert pb.conf_changes_to_string([stranger]) == "unknown1"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("v", "unknown token v"),
        ("v1  v2", "unknown token"),
        ("x1", "unknown input: x1"),
        ("vx", "not a node id"),
        ("v-1", "not a node id"),
        ("v²", "not a node id"),
        (f"v{2**64}", "not a node id"),
    ],
)
def test_what_is_no_step(text: str, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        pb.conf_changes_from_string(text)


def test_proto_memory_sizes() -> None:
    """A message holds its fields and nothing else, not even a dictionary."""
    for name, rows in SCHEMA.items():
        slots = ours(name).__slots__
        assert sorted(slots) == sorted(field for _, field, _ in rows), name
        assert not hasattr(ours(name)(), "__dict__"), name


AUTO = pb.ConfChangeTransitionAuto
IMPLICIT = pb.ConfChangeTransitionJointImplicit
EXPLICIT = pb.ConfChangeTransitionJointExplicit


@pytest.mark.parametrize(
    ("transition", "text", "enter", "leave"),
    [
        (None, "", (False, False), True),
        (AUTO, "", (False, False), True),
        (AUTO, "v1", (False, False), False),
        (AUTO, "v1 v2", (True, True), False),
        (None, "v1 v2", (True, True), False),
        (IMPLICIT, "", (True, True), False),
        (IMPLICIT, "v1", (True, True), False),
        (EXPLICIT, "", (False, True), False),
        (EXPLICIT, "v1 v2", (False, True), False),
    ],
)
def test_through_the_joint_state_or_not(
    transition: pb.ConfChangeTransition | None,
    text: str,
    enter: tuple[bool, bool],
    leave: bool,
) -> None:
    """A context makes no difference."""
    for context in (None, b"why"):
        change = pb.ConfChangeV2(
            transition, pb.conf_changes_from_string(text), context
        )
        assert change.enter_joint() == enter
        assert change.leave_joint() is leave


@pytest.mark.parametrize(
    ("transition", "text", "context", "leaves"),
    [
        pytest.param(None, "", None, True, id="nothing in it"),
        pytest.param(AUTO, "", None, True, id="auto"),
        pytest.param(AUTO, "", b"why", True, id="with a context"),
        pytest.param(AUTO, "v0", None, False, id="a change"),
        pytest.param(AUTO, "v0 r0", None, False, id="changes"),
        pytest.param(IMPLICIT, "", None, False, id="implicit"),
        pytest.param(EXPLICIT, "", None, False, id="explicit"),
    ],
)
def test_leave_joint(
    transition: pb.ConfChangeTransition | None,
    text: str,
    context: bytes | None,
    leaves: bool,
) -> None:
    """Whatever has no changes and no wish leaves the joint configuration.

    A field that is added to the class may have to count as well.
    """
    assert sorted(pb.ConfChangeV2.__slots__) == [
        "changes", "context", "transition",
    ]  # fmt: skip
    steps = pb.conf_changes_from_string(text)
    change = pb.ConfChangeV2(transition, steps, context)
    assert change.leave_joint() is leaves


def test_a_transition_of_a_newer_version_is_beyond_us() -> None:
    change = pb.ConfChangeV2(transition=pb.ConfChangeTransition(7))
    with pytest.raises(RaftPanic, match="unknown transition"):
        change.enter_joint()


def test_two_forms_of_one_change() -> None:
    old = pb.ConfChange(node_id=3, context=b"c", id=9)
    new = old.as_v2()
    assert new == pb.ConfChangeV2(
        changes=[pb.ConfChangeSingle(pb.ConfChangeAddNode, 3)], context=b"c"
    )
    assert old.as_v1() is old
    assert new.as_v2() is new
    assert new.as_v1() is None
    assert pb.marshal_conf_change(old) == (pb.EntryConfChange, old.marshal())
    assert pb.marshal_conf_change(new) == (
        pb.EntryConfChangeV2,
        new.marshal(),
    )
    assert pb.marshal_conf_change(None) == (pb.EntryConfChangeV2, None)


@given(messages("ConfState"), st.randoms())
def test_order_makes_no_difference(cs: pb.Proto, random: object) -> None:
    assert isinstance(cs, pb.ConfState)
    other = cs.clone()
    for ids in (other.voters, other.learners, other.voters_outgoing):
        ids.reverse()
    other.auto_leave = bool(other.auto_leave)
    cs.equivalent(other)
    other.equivalent(cs)
    other.voters.append(77)
    with pytest.raises(InvalidConfChange, match="not equivalent"):
        cs.equivalent(other)


@pytest.mark.parametrize(
    ("one", "other", "equivalent"),
    [
        pytest.param(
            pb.ConfState([1, 2, 3], [5, 4, 6], [9, 8, 7], [10, 20, 15]),
            pb.ConfState([1, 2, 3], [4, 5, 6], [7, 9, 8], [20, 10, 15]),
            True,
            id="another order",
        ),
        pytest.param(
            pb.ConfState(voters=[]),
            pb.ConfState(voters=None),
            True,
            id="none and empty",
        ),
        pytest.param(
            pb.ConfState(voters=[1, 2, 3, 4]),
            pb.ConfState(voters=[2, 1, 3]),
            False,
            id="one voter more",
        ),
        pytest.param(
            pb.ConfState(voters=[1, 4, 3]),
            pb.ConfState(voters=[2, 1, 3]),
            False,
            id="another voter",
        ),
        pytest.param(
            pb.ConfState(auto_leave=True),
            pb.ConfState(),
            False,
            id="left by itself",
        ),
    ],
)
def test_conf_state_equivalent(
    one: pb.ConfState, other: pb.ConfState, equivalent: bool
) -> None:
    found = True
    try:
        one.equivalent(other)
    except InvalidConfChange:
        found = False
    assert found is equivalent


@pytest.mark.parametrize(
    "other",
    [
        pb.ConfState(voters=[1, 2, 3], learners=[4]),
        pb.ConfState(voters=[1, 2], learners=[5]),
        pb.ConfState(voters=[1, 2], learners=[4], auto_leave=True),
        pb.ConfState(voters=[1, 2], learners=[4], voters_outgoing=[1]),
        pb.ConfState(voters=[1, 2], learners=[4], learners_next=[1]),
        None,
    ],
)
def test_what_is_not_equivalent(other: pb.ConfState | None) -> None:
    with pytest.raises(InvalidConfChange):
        pb.ConfState(voters=[1, 2], learners=[4]).equivalent(other)
