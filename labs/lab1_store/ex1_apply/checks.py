"""What 1.1 must do."""

from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading
from port import raftpb as pb

APPLY = Reading("commit.md#on-to-the-state-machine", "On to the state machine")
LEADER = Reading("becoming.md", "Becoming a leader")
MEMBERS = Reading("membership.md", "Replacing a node")


def of(index: int, text: str | bytes, kind: pb.EntryType | None = None
       ) -> pb.Entry:
    data = text.encode() if isinstance(text, str) else text
    return pb.Entry(1, index, kind, data)


def all_of(t: Trial, *texts: str | bytes) -> dict[str, str]:
    """What a new store holds after these commands."""
    store = t.spy(t.name("Store")(), "store")
    for index, text in enumerate(texts, 1):
        store.apply(of(index, text))
    found: dict[str, str] = store.data
    return found


@check("a value that was put is there", APPLY)
def put(t: Trial) -> None:
    t.same(all_of(t, "put color blue"), {"color": "blue"},
           "store.data is what the nodes must agree on")  # fmt: skip
    t.same(
        all_of(t, "put color blue", "put shape round", "put color red"),
        {"color": "red", "shape": "round"},
        "of two puts of one key the later one stands",
    )


@check("a key that was deleted is gone", APPLY)
def delete(t: Trial) -> None:
    t.same(all_of(t, "put a 1", "put b 2", "delete a", "delete x"),
           {"b": "2"}, "and one that was not there is no mistake"
           )  # fmt: skip


@check("a value keeps its spaces", APPLY)
def spaces(t: Trial) -> None:
    t.same(all_of(t, "put poem to be  or not"), {"poem": "to be  or not"},
           "KEY ends at a space, VALUE where the entry ends")  # fmt: skip


@check("applied says how far it has come", APPLY)
def applied(t: Trial) -> None:
    store = t.spy(t.name("Store")(), "store")
    t.same(store.applied, 0, "a new store has applied nothing")
    store.apply(of(1, "put a 1"))
    t.same(store.applied, 1, "store.applied is the last entry's index")


@check("the empty entry of a new leader is no command", LEADER)
def empty(t: Trial) -> None:
    store = t.spy(t.name("Store")(), "store")
    for index, data in enumerate((None, b"", b"put a 1"), 1):
        store.apply(pb.Entry(1, index, None, data))
        t.same(store.applied, index,
               "each new leader begins with an empty entry; it counts as"
               " applied, and changes nothing")  # fmt: skip
    t.same(store.data, {"a": "1"}, "an empty entry changes nothing")


@check("a change of members is no command", MEMBERS)
def members(t: Trial) -> None:
    store = t.spy(t.name("Store")(), "store")
    for index, kind in enumerate(
        (pb.EntryConfChange, pb.EntryConfChangeV2, pb.EntryNormal), 1
    ):
        store.apply(of(index, f"put k{index} v", kind))
        t.same(store.applied, index, "it counts as applied")
    t.same(store.data, {"k3": "v"},
           "the type tells whose bytes these are: a change of members may"
           " look like anything")  # fmt: skip


@check("an entry that comes again changes nothing", APPLY)
def again(t: Trial) -> None:
    store = t.spy(t.name("Store")(), "store")
    for index in (1, 2, 3):
        store.apply(of(index, f"put a {index}"))
    store.apply(of(2, "put a 2"))
    t.same(store.data, {"a": "3"},
           "after a restart raft hands out entries that were applied before")
    t.same(store.applied, 3, "and the store does not go back")


@check("a missing entry is noticed", APPLY)
def gap(t: Trial) -> None:
    store = t.spy(t.name("Store")(), "store")
    store.apply(of(1, "put a 1"))
    t.raises(
        ValueError, lambda: store.apply(of(3, "put a 3")),
        "entry 2 is lost: whoever goes on differs from all other nodes",
    )  # fmt: skip
    t.same((store.applied, store.data), (1, {"a": "1"}),
           "nothing must have changed")  # fmt: skip


@check("what is no command is passed over", APPLY)
def nonsense(t: Trial) -> None:
    texts: tuple[str | bytes, ...] = (
        "put a 1", b"\xff\xfe", "", "jump", "put", "put a", "delete",
        "PUT a 2", "put b 2",
    )  # fmt: skip
    store = t.spy(t.name("Store")(), "store")
    for index, text in enumerate(texts, 1):
        store.apply(of(index, text))
        t.same(store.applied, index,
               "it is committed: a node that stops here stops here again"
               " after each restart")  # fmt: skip
    t.same(store.data, {"a": "1", "b": "2"}, "and it changes nothing")


CHECKS = [put, delete, spaces, applied, empty, members, again, gap, nonsense]
