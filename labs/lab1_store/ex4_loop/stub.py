"""1.4: your Ready loop, as `Drive` in kv/seams.py wants it.

`Replica` in the same file has a method for each thing that a `Ready` may ask
for; what remains, and what this loop is about, is the order. A crash may come
between any two steps, and must break no promise.
"""

from kv.seams import Replica
from port.node import Node


async def drive(node: Node, replica: Replica) -> None:
    """Does what each `Ready` of `node.ready()` asks for, until it ends.

    What the replica raises ends the loop.
    """
    async for ready in node.ready():  # noqa: B007
        raise NotImplementedError("drive, one Ready after another.")
