"""Logs for machines and people: one JSON line an event, with the request that it belongs to."""

import logging
import sys
import uuid
from collections.abc import MutableMapping
from typing import Any

import structlog

REQUEST_ID_HEADER = "x-request-id"


def configure_logging(*, service: str, level: str = "info", log_format: str = "json") -> None:
    """Send our log and that of the libraries to stderr in one format. Call it once, in `__main__`."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _stamp(service),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        # A traceback with the values of all variables would tell tokens, and takes longer than the request it is of.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if log_format == "json":
        final.append(structlog.processors.format_exc_info)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*final, renderer])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _stamp(service: str) -> Any:
    def add_service(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add_service


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose keyword arguments become fields of the line."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def request_id() -> str | None:
    """Id of the request that this thread or task works for."""
    value = structlog.contextvars.get_contextvars().get("request_id")
    return str(value) if value else None


def bind_request_id(value: str | None = None) -> str:
    """Make what follows in this context belong to the request `value`, or to a new one."""
    bound = value or uuid.uuid4().hex
    structlog.contextvars.bind_contextvars(request_id=bound)
    return bound


def clear_request_id() -> None:
    """Let what follows belong to no request."""
    structlog.contextvars.unbind_contextvars("request_id")
