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
        if entry.index <= self.applied:
            return
        if entry.index != self.applied + 1:
            raise ValueError("gap")
        self.applied = entry.index
        if entry.type in (None, pb.EntryNormal) and entry.data:
            try:
                verb, _, rest = entry.data.decode().partition(" ")
            except UnicodeDecodeError:
                return
            if verb == "put" and " " in rest:
                key, _, value = rest.partition(" ")
                self.data[key] = value
            elif verb == "delete":
                self.data.pop(rest, None)
