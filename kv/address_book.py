"""Where members listen, by id; kept in a file.

It is in the changes of the members, which are in the log; but a snapshot takes
the log's place. So it has a file, too, `members` in the data folder. The file
is a help and no promise: should it be lost, the leader tells.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container
from typing import Final

from kv.messages import Address, member_list, parse_members
from kv.packing import pack, unpack
from kv.world import Disk

FILE: Final = "members"

_log = logging.getLogger("kv.address_book")


def read_addresses(data: bytes) -> dict[int, Address]:
    """Returns what the file of an address book says.

    Raises:
        ValueError: it cannot be understood.
    """
    return parse_members(unpack(data))


class AddressBook:
    """The addresses that a node knows.

    Attributes:
        addresses: Where members listen, by id. It is replaced and never
            changed, so it can be compared with what it was.
    """

    def __init__(
        self, disk: Disk, folder: str, first: dict[int, Address]
    ) -> None:
        """Begins with the first members.

        Args:
            disk: Where the file is.
            folder: The node's data folder.
            first: Where the first members listen.
        """
        self.addresses = dict(first)
        self._disk = disk
        self._folder = folder
        self._tell: Callable[[dict[int, Address]], None] | None = None
        self._fail: Callable[[BaseException], None] = _raise
        self._saving: asyncio.Task[None] | None = None

    async def load(self) -> None:
        """Reads the file, which knows better than the first members do."""
        path = f"{self._folder}/{FILE}"
        try:
            data = await self._disk.read(path)
        except FileNotFoundError:
            return
        try:
            self.addresses = {**self.addresses, **read_addresses(data)}
        except ValueError:
            _log.warning("%s cannot be read; it is passed over", path)

    def open(
        self,
        tell: Callable[[dict[int, Address]], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        """Begins to tell of changes, and to save them.

        Args:
            tell: Is called with all addresses, now and after each change.
            fail: Is called if they could not be saved.
        """
        self._tell, self._fail = tell, fail
        tell(self.addresses)

    def learn(self, new: dict[int, Address]) -> None:
        """Adds addresses, or replaces those of the same ids."""
        self.addresses = {**self.addresses, **new}
        self.changed()

    def keep(
        self, new: dict[int, Address], members: Container[int]
    ) -> set[int]:
        """Adds addresses, and drops those of nodes that are no members.

        Returns:
            The ids that were dropped.
        """
        known = {**self.addresses, **new}
        self.addresses = {i: a for i, a in known.items() if i in members}
        self.changed()
        return {i for i in known if i not in members}

    def changed(self) -> None:
        """Tells of the addresses, and saves them, one file after another."""
        if self._tell is None:
            return
        self._tell(self.addresses)
        if self._saving is None or self._saving.done():
            self._saving = asyncio.create_task(self._save())

    async def _save(self) -> None:
        disk, folder = self._disk, self._folder
        saved: dict[int, Address] | None = None
        try:
            while saved != self.addresses:
                saved = self.addresses
                file = await disk.create(f"{folder}/{FILE}.tmp")
                await file.append(pack(member_list(saved)), sync=True)
                await file.close()
                await disk.rename(f"{folder}/{FILE}.tmp", f"{folder}/{FILE}")
                await disk.sync_folder(folder)
        except OSError as problem:
            self._fail(problem)

    async def close(self) -> None:
        """Returns when what is being saved is saved."""
        if self._saving is not None:
            await asyncio.gather(self._saving, return_exceptions=True)


def _raise(error: BaseException) -> None:
    raise error
