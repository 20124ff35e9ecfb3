"""Every error that the port raises, in one small tree.

    Exception
    ├── RaftPanic                            Go's panic: a broken invariant
    │   └── InvalidConfig                    raft.go: a Config that cannot run
    └── RaftError                            what Go returns as an error
        ├── ProposalDropped                  raft.go
        ├── Compacted                        storage.go, as the three below
        ├── SnapOutOfDate
        ├── Unavailable
        ├── SnapshotTemporarilyUnavailable
        ├── StepLocalMsg                     rawnode.go
        ├── StepPeerNotFound
        ├── Stopped                          node.go
        ├── InvalidConfChange                a change that does not fit
        └── Malformed                        bytes or text that do not parse

Go returns sentinel values such as `ErrCompacted`; here each is a class of
the same name without `Err`, raised instead of returned. A Go panic becomes
`RaftPanic`: the node that raised it is beyond use. It is no `RaftError`, so
that code which deals with errors cannot swallow a panic.
"""


class RaftError(Exception):
    """Root of the errors; `str()` is the text that Go prints."""

    text = "raft: error"

    def __init__(self, text: str | None = None) -> None:
        super().__init__(self.text if text is None else text)


class RaftPanic(Exception):
    """An invariant is broken: Go would panic with this text."""


class InvalidConfig(RaftPanic):
    """The `Config` contradicts itself; Go panics with the same text."""


class ProposalDropped(RaftError):
    """The proposal was not appended; the proposer may try again.

    Go: raft.go:88-88 ErrProposalDropped
    """

    text = "raft proposal dropped"


class Compacted(RaftError):
    """The index lies at or below the last compaction.

    Go: storage.go:28-28 ErrCompacted
    """

    text = "requested index is unavailable due to compaction"


class SnapOutOfDate(RaftError):
    """The storage already holds a snapshot as new as the one offered.

    Go: storage.go:32-32 ErrSnapOutOfDate
    """

    text = "requested index is older than the existing snapshot"


class Unavailable(RaftError):
    """The index lies beyond the end of the log.

    Go: storage.go:36-36 ErrUnavailable
    """

    text = "requested entry at index is unavailable"


class SnapshotTemporarilyUnavailable(RaftError):
    """The storage is still preparing a snapshot; ask again later.

    Go: storage.go:40-40 ErrSnapshotTemporarilyUnavailable
    """

    text = "snapshot is temporarily unavailable"


class StepLocalMsg(RaftError):
    """A message that may only arise inside the node came from outside.

    Go: rawnode.go:25-25 ErrStepLocalMsg
    """

    text = "raft: cannot step raft local message"


class StepPeerNotFound(RaftError):
    """A response came from a node that this one does not track.

    Go: rawnode.go:29-29 ErrStepPeerNotFound
    """

    text = "raft: cannot step as peer not found"


class Stopped(RaftError):
    """The node has been stopped.

    Go: node.go:35-35 ErrStopped
    """

    text = "raft: stopped"


class InvalidConfChange(RaftError):
    """The configuration change does not fit the configuration it meets."""

    text = "invalid configuration change"


class Malformed(RaftError):
    """Bytes or text that cannot be read as what they claim to be."""

    text = "malformed input"
