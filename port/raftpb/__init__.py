"""Messages, entries, snapshots and conf changes: upstream's `raftpb`.

Import it as upstream does: `from port import raftpb as pb`.
"""

from port.raftpb.alias import *  # noqa: F403
from port.raftpb.confchange import *  # noqa: F403
from port.raftpb.raft_pb import *  # noqa: F403
from port.raftpb.util import *  # noqa: F403
