"""1.1: what is committed shows in a dict, on all nodes alike.

A client's command is the data of an entry, as text in UTF-8:

    put KEY VALUE     the value goes up to the end, spaces and all
    delete KEY        fine if it is not there
"""

from port import raftpb as pb


class Store:
    """Keys and values, as of what has been applied.

    Attributes:
        data: The keys and values.
        applied: The index of the last entry that was applied.
    """

    def __init__(self) -> None:
        self.data: dict[str, str] = {}
        self.applied = 0

    def apply(self, entry: pb.Entry) -> None:
        """Applies one committed entry; entries come in order.

        An entry has `index`, `term`, `type` and `data`; all but the index
        may be None. After a restart, entries may come that were applied.

        Raises:
            ValueError: an entry between the last one and this is missing.
        """
        raise NotImplementedError("Store.apply, which takes one entry.")
