"""Output of a command, whatever it leads to: a full disk, a closed pipe, an encoding that lacks letters."""

import codecs
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ESCAPED = "reclass.escaped"
FAILED = 1


def print_json(content: object) -> None:
    """On standard output, for programs; what JSON has no form for is written as text."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2, default=str) + "\n")


@contextmanager
def printing() -> Iterator[None]:
    """Within, a command prints; what cannot be printed ends it by a sentence and not by a traceback."""
    codecs.register_error(ESCAPED, _escaped)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # it was closed before the start
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8", errors=ESCAPED))  # noqa: SIM115 # as long as the process
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ESCAPED)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough, as `head` has.
        _let_go()
        sys.exit(FAILED)
    except OSError as error:
        if not _is_full():
            raise
        _let_go()
        with suppress(OSError):
            sys.stderr.write(f"reclass: the output could not be written: {error.strerror}\n")
        sys.exit(FAILED)


def _is_full() -> bool:
    """Whether standard output takes no more: what it still holds cannot be written either."""
    try:
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), b"")
    except (OSError, ValueError):
        return True
    return False


def _let_go() -> None:
    """Let nothing be written at the end, where the interpreter would complain once more."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """A letter that the encoding lacks as JSON writes it, so that JSON stays JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)), error.end
