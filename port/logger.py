"""Where log lines go.

The recordings of the Go library hold every line that raft logs, so the port
logs the same ones: same level, same words, same place. Formats are those of
the `%` operator, arguments apart, so that a line that nobody wants is never
put together.
"""

from __future__ import annotations

import logging
from typing import NoReturn, Protocol

from port.errors import RaftPanic


class Logger(Protocol):
    """What raft needs of a logger.

    Go has each method twice (`Info` and `Infof`); a format without arguments
    is the former here.

    Go: logger.go:25-43 Logger
    """

    def debug(self, format: str, *args: object) -> None:
        """Logs what helps to follow a single message."""

    def error(self, format: str, *args: object) -> None:
        """Logs a failure that raft survives."""

    def info(self, format: str, *args: object) -> None:
        """Logs the steps of elections, configurations and snapshots."""

    def warning(self, format: str, *args: object) -> None:
        """Logs what an operator may want to look into."""

    def fatal(self, format: str, *args: object) -> NoReturn:
        """Logs, and ends the process."""

    def panic(self, format: str, *args: object) -> NoReturn:
        """Logs, and raises `RaftPanic` with the same text."""


def set_logger(logger: Logger) -> None:
    """Makes `logger` the one for every `Config` that brings none.

    Go: logger.go:45-49 SetLogger
    """
    global _raft_logger
    _raft_logger = logger


def reset_default_logger() -> None:
    """Goes back to the logger that writes to standard error.

    Go: logger.go:51-53 ResetDefaultLogger
    """
    set_logger(default_logger)


def get_logger() -> Logger:
    """Returns the logger of every `Config` that brings none.

    Go: logger.go:55-59 getLogger
    """
    return _raft_logger


class DefaultLogger:
    """Lines such as `raft INFO: 1 became leader at term 2`, by `logging`.

    Go: logger.go:73-76 DefaultLogger
    """

    def __init__(self, handler: logging.Handler) -> None:
        self._handler = handler
        self._debug = False
        handler.setFormatter(logging.Formatter("raft %(message)s"))

    def enable_timestamps(self) -> None:
        """Puts date and time before each line.

        Go: logger.go:78-80 EnableTimestamps
        """
        self._handler.setFormatter(
            logging.Formatter("raft %(asctime)s %(message)s")
        )

    def enable_debug(self) -> None:
        """Lets debug lines through; they are dropped otherwise.

        Go: logger.go:82-84 EnableDebug
        """
        self._debug = True

    def debug(self, format: str, *args: object) -> None:
        """Logs at debug level, if that is enabled.

        Go: logger.go:86-90 Debug
        Go: logger.go:92-96 Debugf
        """
        if self._debug:
            self._output(logging.DEBUG, "DEBUG", format, args)

    def info(self, format: str, *args: object) -> None:
        """Logs at info level.

        Go: logger.go:98-100 Info
        Go: logger.go:102-104 Infof
        """
        self._output(logging.INFO, "INFO", format, args)

    def error(self, format: str, *args: object) -> None:
        """Logs at error level.

        Go: logger.go:106-108 Error
        Go: logger.go:110-112 Errorf
        """
        self._output(logging.ERROR, "ERROR", format, args)

    def warning(self, format: str, *args: object) -> None:
        """Logs at warning level.

        Go: logger.go:114-116 Warning
        Go: logger.go:118-120 Warningf
        """
        self._output(logging.WARNING, "WARN", format, args)

    def fatal(self, format: str, *args: object) -> NoReturn:
        """Logs, and leaves the process with status 1.

        Go: logger.go:122-125 Fatal
        Go: logger.go:127-130 Fatalf
        """
        self._output(logging.CRITICAL, "FATAL", format, args)
        raise SystemExit(1)

    def panic(self, format: str, *args: object) -> NoReturn:
        """Logs, and raises `RaftPanic` with the same text.

        Go: logger.go:132-134 Panic
        Go: logger.go:136-138 Panicf
        """
        self._output(logging.CRITICAL, "PANIC", format, args)
        raise RaftPanic(format % args if args else format)

    def _output(
        self, level: int, name: str, format: str, args: tuple[object, ...]
    ) -> None:
        """Writes one line.

        Go: logger.go:140-142 header
        """
        record = logging.LogRecord(
            "raft", level, "", 0, f"{name}: {format}", args, None
        )
        self._handler.handle(record)


default_logger = DefaultLogger(logging.StreamHandler())
discard_logger = DefaultLogger(logging.NullHandler())
_raft_logger: Logger = default_logger
