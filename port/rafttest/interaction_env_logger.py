"""A logger that writes into the transcript instead of to a terminal."""

from __future__ import annotations

from typing import Final, NoReturn

from port.errors import RaftPanic

# By rising severity; NONE silences everything.
#
# Go: interaction_env_logger.go:24-24 logLevels
LVL_NAMES: Final = ("DEBUG", "INFO", "WARN", "ERROR", "FATAL", "NONE")
DEBUG, INFO, WARN, ERROR, FATAL, NONE = range(6)


class RedirectLogger:
    """Collects log lines and the commands' own output, in order.

    Attributes:
        builder: The pieces of text so far.
        lvl: The least level that is printed, an index into `LVL_NAMES`. At
            `NONE` even what the commands themselves print is dropped.

    Go: interaction_env_logger.go:28-31 RedirectLogger
    """

    __slots__ = ("builder", "lvl")

    def __init__(self) -> None:
        self.builder: list[str] = []
        self.lvl = DEBUG

    def __str__(self) -> str:
        return "".join(self.builder)

    def reset(self) -> None:
        """Drops what was collected; the level stays."""
        self.builder = []

    def _printf(self, lvl: int, format: str, args: tuple[object, ...]) -> None:
        """Writes a line if its level is high enough.

        Go: interaction_env_logger.go:35-43 printf
        Go: interaction_env_logger.go:44-49 print
        """
        if self.lvl <= lvl:
            end = "" if format.endswith("\n") else "\n"
            self.write(f"{LVL_NAMES[lvl]} {_sprintf(format, args)}{end}")

    def debug(self, format: str, *args: object) -> None:
        """Logs at `DEBUG`.

        Go: interaction_env_logger.go:51-53 Debug
        Go: interaction_env_logger.go:55-57 Debugf
        """
        self._printf(DEBUG, format, args)

    def info(self, format: str, *args: object) -> None:
        """Logs at `INFO`.

        Go: interaction_env_logger.go:59-61 Info
        Go: interaction_env_logger.go:63-65 Infof
        """
        self._printf(INFO, format, args)

    def warning(self, format: str, *args: object) -> None:
        """Logs at `WARN`.

        Go: interaction_env_logger.go:67-69 Warning
        Go: interaction_env_logger.go:71-73 Warningf
        """
        self._printf(WARN, format, args)

    def error(self, format: str, *args: object) -> None:
        """Logs at `ERROR`.

        Go: interaction_env_logger.go:75-77 Error
        Go: interaction_env_logger.go:79-81 Errorf
        """
        self._printf(ERROR, format, args)

    def fatal(self, format: str, *args: object) -> NoReturn:
        """Logs at `FATAL`, and raises; a script must not end the process.

        Go: interaction_env_logger.go:83-86 Fatal
        Go: interaction_env_logger.go:88-91 Fatalf
        """
        self._printf(FATAL, format, args)
        raise RaftPanic(_sprintf(format, args))

    def panic(self, format: str, *args: object) -> NoReturn:
        """Logs at `FATAL`, and raises.

        Go: interaction_env_logger.go:93-96 Panic
        Go: interaction_env_logger.go:98-104 Panicf
        """
        self._printf(FATAL, format, args)
        raise RaftPanic(_sprintf(format, args))

    def quiet(self) -> bool:
        """Tells whether nothing at all is printed.

        Go: interaction_env_logger.go:108-110 Quiet
        """
        return self.lvl == NONE

    def write(self, s: str) -> None:
        """Writes what a command prints, unless all is silenced.

        Go: interaction_env_logger.go:112-117 Write
        Go: interaction_env_logger.go:119-124 WriteByte
        Go: interaction_env_logger.go:126-131 WriteRune
        Go: interaction_env_logger.go:133-138 WriteString
        """
        if self.lvl != NONE:
            self.builder.append(s)


def _sprintf(format: str, args: tuple[object, ...]) -> str:
    return format % args if args else format
