"""Commands on the connection, and on the node itself.

None of these waits for anything. Most are there because the clients and tools
of Redis ask such things when they connect, and give up if nobody answers.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from typing import Final

from kv.commands import MAX_KEYS
from kv.redis.connection import LOCAL, Connection, Handler
from kv.redis.glob import glob
from kv.resp import EMPTY, NIL, OK, PONG, array, bulk, error, integer

VERSION: Final = "7.0.0"  # of Redis, as whose server this one speaks

_WRONG: Final = error("WRONGPASS", "invalid username-password pair")


class TalkCommands:
    """What clients say and ask beside their work.

    Attributes:
        table: The commands, by name.
    """

    def __init__(
        self,
        password: str | None,
        status: Callable[[], dict[str, object]],
        info: Callable[[], str],
    ) -> None:
        """Takes what there is to tell.

        Args:
            password: What clients have to say first; `None`: nothing.
            status: Returns what there is to know about the node.
            info: The same, as `INFO` has it.
        """
        self._password = password
        self._tell_status = status
        self._tell_info = info
        self.table: Final[dict[bytes, Handler]] = {
            b"PING": (LOCAL, 0, 1, self._ping),
            b"ECHO": (LOCAL, 1, 1, self._echo),
            b"INFO": (LOCAL, 0, 8, self._info),
            b"STATUS": (LOCAL, 0, 0, self._status),
            b"HELLO": (LOCAL, 0, 6, self._hello),
            b"AUTH": (LOCAL, 1, 2, self._auth),
            b"CLIENT": (LOCAL, 1, 8, self._client),
            b"COMMAND": (LOCAL, 0, MAX_KEYS, self._command),
            b"CONFIG": (LOCAL, 2, 8, self._config),
            b"SELECT": (LOCAL, 1, 1, self._select),
            b"QUIT": (LOCAL, 0, 0, self._quit),
        }

    def _ping(self, client: Connection, words: list[bytes]) -> None:
        client.reply(bulk(words[1]) if len(words) > 1 else PONG)

    def _echo(self, client: Connection, words: list[bytes]) -> None:
        client.reply(bulk(words[1]))

    def _info(self, client: Connection, words: list[bytes]) -> None:
        client.reply(bulk(self._tell_info().encode()))

    def _status(self, client: Connection, words: list[bytes]) -> None:
        client.reply(bulk(json.dumps(self._tell_status()).encode()))

    # Who a client is.

    def _knows(self, client: Connection, password: bytes) -> bool:
        """Lets a client in that knows the password; it stays in for good."""
        wanted = self._password
        if wanted is None or not hmac.compare_digest(
            password, wanted.encode()
        ):
            return False
        client.known = True
        return True

    def _auth(self, client: Connection, words: list[bytes]) -> None:
        if self._password is None:
            raise ValueError("AUTH called without any password configured")
        client.reply(OK if self._knows(client, words[-1]) else _WRONG)

    def _hello(self, client: Connection, words: list[bytes]) -> None:
        if len(words) > 1 and words[1] != b"2":
            client.reply(error("NOPROTO", "unsupported protocol version"))
            return
        options = words[2:]
        while options:
            match [options[0].upper(), *options[1:]]:
                case [b"AUTH", _, password, *options]:
                    if not self._knows(client, password):
                        client.reply(_WRONG)
                        return
                case [b"SETNAME", name, *options]:
                    client.name = name[:64]
                case _:
                    raise ValueError("syntax error in HELLO")
        if not client.known:
            client.reply(error("NOAUTH", "HELLO must come with AUTH here"))
            return
        fields: list[tuple[bytes, bytes]] = [
            (b"server", bulk(b"redis")), (b"version", bulk(VERSION.encode())),
            (b"proto", integer(2)), (b"id", integer(client.id)),
            (b"mode", bulk(b"standalone")), (b"role", bulk(b"master")),
            (b"modules", EMPTY),
        ]  # fmt: skip
        client.reply(array([x for k, v in fields for x in (bulk(k), v)]))

    def _client(self, client: Connection, words: list[bytes]) -> None:
        match [words[1].upper(), *words[2:]]:
            case [b"SETNAME", name]:
                client.name = name[:64]
                client.reply(OK)
            case [b"GETNAME"]:
                client.reply(bulk(client.name) if client.name else NIL)
            case [b"ID"]:
                client.reply(integer(client.id))
            case [b"SETINFO" | b"NO-EVICT" | b"NO-TOUCH", *_]:
                client.reply(OK)
            case _:
                raise ValueError("CLIENT SETNAME, GETNAME, ID or SETINFO")

    def _select(self, client: Connection, words: list[bytes]) -> None:
        if words[1] != b"0":
            raise ValueError("DB index is out of range: there is only 0")
        client.reply(OK)

    def _quit(self, client: Connection, words: list[bytes]) -> None:
        client.reply(OK)
        client.leave()

    # What there is.

    def _command(self, client: Connection, words: list[bytes]) -> None:
        commands = client.clients.commands
        what = words[1].upper() if len(words) > 1 else b""
        if what == b"COUNT":
            client.reply(integer(len(commands)))
        elif what:
            client.reply(EMPTY)  # DOCS, INFO: nothing to tell.
        else:
            client.reply(array([
                array([
                    bulk(name.lower()), integer(-least - 1), EMPTY,
                    integer(1), integer(1), integer(1),
                ])
                for name, (_, least, _, _) in commands.items()
            ]))  # fmt: skip

    def _config(self, client: Connection, words: list[bytes]) -> None:
        if words[1].upper() != b"GET":
            raise ValueError("CONFIG SET is not for this server")
        settings = {b"save": b"", b"appendonly": b"yes", b"databases": b"1"}
        found = [
            bulk(item)
            for name, value in settings.items()
            if any(glob(word.lower())(name) for word in words[2:])
            for item in (name, value)
        ]
        client.reply(array(found))
