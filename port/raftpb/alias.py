"""Short names for the members of the enums, as upstream's `alias.go` has them.

They also keep the hot paths quick: a module attribute is found faster than
a member of an enum class.
"""

from typing import Final

from port.raftpb.raft_pb import (
    ConfChangeTransition,
    ConfChangeType,
    EntryType,
    MessageType,
)

EntryNormal: Final = EntryType.EntryNormal
EntryConfChange: Final = EntryType.EntryConfChange
EntryConfChangeV2: Final = EntryType.EntryConfChangeV2

MsgHup: Final = MessageType.MsgHup
MsgBeat: Final = MessageType.MsgBeat
MsgProp: Final = MessageType.MsgProp
MsgApp: Final = MessageType.MsgApp
MsgAppResp: Final = MessageType.MsgAppResp
MsgVote: Final = MessageType.MsgVote
MsgVoteResp: Final = MessageType.MsgVoteResp
MsgSnap: Final = MessageType.MsgSnap
MsgHeartbeat: Final = MessageType.MsgHeartbeat
MsgHeartbeatResp: Final = MessageType.MsgHeartbeatResp
MsgUnreachable: Final = MessageType.MsgUnreachable
MsgSnapStatus: Final = MessageType.MsgSnapStatus
MsgCheckQuorum: Final = MessageType.MsgCheckQuorum
MsgTransferLeader: Final = MessageType.MsgTransferLeader
MsgTimeoutNow: Final = MessageType.MsgTimeoutNow
MsgReadIndex: Final = MessageType.MsgReadIndex
MsgReadIndexResp: Final = MessageType.MsgReadIndexResp
MsgPreVote: Final = MessageType.MsgPreVote
MsgPreVoteResp: Final = MessageType.MsgPreVoteResp
MsgStorageAppend: Final = MessageType.MsgStorageAppend
MsgStorageAppendResp: Final = MessageType.MsgStorageAppendResp
MsgStorageApply: Final = MessageType.MsgStorageApply
MsgStorageApplyResp: Final = MessageType.MsgStorageApplyResp
MsgForgetLeader: Final = MessageType.MsgForgetLeader

ConfChangeTransitionAuto: Final = ConfChangeTransition.ConfChangeTransitionAuto
ConfChangeTransitionJointImplicit: Final = (
    ConfChangeTransition.ConfChangeTransitionJointImplicit
)
ConfChangeTransitionJointExplicit: Final = (
    ConfChangeTransition.ConfChangeTransitionJointExplicit
)

ConfChangeAddNode: Final = ConfChangeType.ConfChangeAddNode
ConfChangeRemoveNode: Final = ConfChangeType.ConfChangeRemoveNode
ConfChangeUpdateNode: Final = ConfChangeType.ConfChangeUpdateNode
ConfChangeAddLearnerNode: Final = ConfChangeType.ConfChangeAddLearnerNode
