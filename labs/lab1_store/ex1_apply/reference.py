"""1.1: what is committed shows in a dict, on all nodes alike."""

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

        Raises:
            ValueError: an entry between the last one and this is missing.
        """
        index = entry.index or 0
        if index <= self.applied:
            return  # Raft hands it out again, after a restart.
        if index > self.applied + 1:
            raise ValueError(f"entry {index} follows {self.applied}")
        self.applied = index
        if entry.type or not entry.data:
            return  # A change of members, or a new leader's first entry.
        try:
            text = entry.data.decode("utf-8")
        except UnicodeDecodeError:
            return  # All nodes skip it, for it is the same on all.
        match text.split(" ", 2):
            case ["put", key, value]:
                self.data[key] = value
            case ["delete", key]:
                self.data.pop(key, None)
