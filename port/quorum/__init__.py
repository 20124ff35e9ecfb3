"""When is enough enough: majorities, and two majorities at once.

Everything here is a pure function of sets of node ids and of what those
nodes have acknowledged or voted. Nothing knows of terms, logs or messages.
"""

from port.quorum.joint import *  # noqa: F403
from port.quorum.majority import *  # noqa: F403
from port.quorum.quorum import *  # noqa: F403
