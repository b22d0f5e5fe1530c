"""How the process logs: one handler to standard error, text or JSON, which masks all that leaves it.

A program that uses svahub as a library sets its own handlers; `TextFormatter` and `json_formatter` mask for those too.
"""

from __future__ import annotations

import logging
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from traceback import extract_tb, format_list
from typing import TYPE_CHECKING, Any

from svahub.errors import SvahubError
from svahub.masking import HIDDEN, mask_json, mask_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

logger = logging.getLogger("svahub")
logger.addHandler(logging.NullHandler())

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_NEVER = frozenset({"product_type", "product_types", "contract", "contract_id"})
_OF_CODE = (TypeError, AttributeError, NameError, ImportError, AssertionError, NotImplementedError)


# -- tracebacks --------------------------------------------------------------------------------------------------------


def masked_traceback(error: BaseException) -> str:
    """Return the traceback of an error and of those behind it, without values.

    A text that neither svahub nor the interpreter has written is withheld: nothing tells a name in it from a word.
    """
    told: list[str] = []
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        told.append(_one_traceback(following))
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return "\nThen, because of this or while it was handled:\n\n".join(reversed(told))


def _one_traceback(error: BaseException) -> str:
    frames = extract_tb(error.__traceback__)
    text = mask_text(str(error)) if _is_told(error) else "(its text is withheld: it may be personal)"
    lines = ["Traceback (most recent call last):\n", *format_list(frames)] if frames else []
    return "".join(lines) + f"{type(error).__module__}.{type(error).__qualname__}: {text}\n".removeprefix("builtins.")


def _is_told(error: BaseException) -> bool:
    if isinstance(error, SvahubError):
        return True
    frames = extract_tb(error.__traceback__)
    by_hand = not frames or (frames[-1].line or "raise").startswith(("raise", "assert"))
    return isinstance(error, _OF_CODE) and not by_hand


# -- formats -----------------------------------------------------------------------------------------------------------


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def _masked(fields: dict[str, Any]) -> dict[str, Any]:
    masked: dict[str, Any] = mask_json({name: _plain(value) for name, value in fields.items() if value is not None})
    return {name: HIDDEN if name in _NEVER else value for name, value in masked.items()}


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | dict | list) else str(value)


def _message(record: logging.LogRecord) -> str:
    return mask_text(record.getMessage())


def _trace(record: logging.LogRecord) -> str | None:
    return masked_traceback(record.exc_info[1]) if record.exc_info and record.exc_info[1] else None


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


class TextFormatter(logging.Formatter):
    """A line for people: instant, level, sentence, fields; masked."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the masked traceback below it."""
        fields = "".join(f" {name}={_quoted(value)}" for name, value in _masked(_fields(record)).items())
        source = "" if record.name == logger.name else f"{record.name}: "
        line = f"{_instant(record)} {record.levelname} {source}{_message(record)}{fields}"
        trace = _trace(record)
        return "".join(c if c.isprintable() else " " for c in line) + (f"\n{trace.rstrip()}" if trace else "")


def _quoted(value: Any) -> str:
    text = str(value)
    return repr(text) if " " in text or not text else text


def json_formatter() -> logging.Formatter:
    """Return what writes a JSON object per line, masked."""
    from pythonjsonlogger.json import JsonFormatter

    class MaskedJson(JsonFormatter):
        def format(self, record: logging.LogRecord) -> str:
            told = {"at": _instant(record), "level": record.levelname.lower(), "logger": record.name}
            trace = _trace(record)
            told |= {"message": _message(record)} | ({"traceback": trace} if trace else {})
            return self.serialize_log_record(
                told | {n: v for n, v in _masked(_fields(record)).items() if n not in told}
            )

    return MaskedJson(json_ensure_ascii=False)


# -- standard error ----------------------------------------------------------------------------------------------------


class _StandardError(logging.Handler):
    """Writes to what is standard error when a line is written."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001  # a line that cannot be written stops nobody; logging's own report quotes it
            sys.stderr.write(f"a line of {record.name} cannot be written\n")


@contextmanager
def to_standard_error(level: str = "warning", style: str = "text") -> Iterator[None]:
    """Log to standard error until the block ends, warnings of Python and what kills a thread included.

    `level` is that of svahub and its plugins; other libraries tell warnings only, as their lines hold what they sent.
    """
    handler = _StandardError()
    handler.setFormatter(json_formatter() if style == "json" else TextFormatter())
    root, hook = logging.getLogger(), threading.excepthook
    before = {source: source.level for source in _own_loggers(level)}
    root.addHandler(handler)
    logging.captureWarnings(True)
    threading.excepthook = _thread_ended
    try:
        for source in before:
            source.setLevel(level.upper())
        yield
    finally:
        for source, was in before.items():
            source.setLevel(was)
        threading.excepthook = hook
        logging.captureWarnings(False)
        root.removeHandler(handler)


def _own_loggers(level: str) -> list[logging.Logger]:
    """Return the loggers whose level is ours to set; plugins' are looked for only where that changes anything."""
    if level == "warning":
        return [logger]
    from svahub.installed import points

    plugins = {entry.module.partition(".")[0] for entry in points("svahub.providers")}
    return [logger, *map(logging.getLogger, sorted(plugins - {"svahub"}))]


def _thread_ended(hooked: threading.ExceptHookArgs) -> None:
    if hooked.exc_value is not None and not isinstance(hooked.exc_value, SystemExit):
        name = hooked.thread.name if hooked.thread else "?"
        logger.critical("a thread has ended", exc_info=hooked.exc_value, extra={"thread_of": name})
