"""What happens around every call on a server: its request id, its errors, its log line, its token, its size."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import grpc

from runtime.errors import RemoteError, ServiceError, short
from runtime.handlers import (
    HEALTH_CHECK,
    Handler,
    HandlerInterceptor,
    Metadata,
    behaviour_of,
    on_threads,
    rebuilt,
)
from runtime.metrics import CallMetrics
from runtime.rights import QUIET, RequestTooLargeError, Rights
from runtime.telemetry import REQUEST_ID_HEADER, bind_request_id, clear_request_id, get_logger, request_id

log = get_logger(__name__)
# Tells gRPC's own retries to stop: an error that a service worded is an answer, and every service in the chain
# that asked again would multiply the attempts. A call that reached no service is still retried.
NO_RETRY = ("grpc-retry-pushback-ms", "-1")
# Anybody sends one, and it stands in every line of the log, comes back in the trailers, goes along to other services.
HARMLESS_ID = re.compile("[!-~]{1,128}")


class RequestErrors(HandlerInterceptor):
    """Binds the request id, logs and counts each call with its duration, and turns exceptions into statuses."""

    def __init__(self, metrics: CallMetrics, is_quiet: Callable[[str], bool] = lambda _: False) -> None:
        self._metrics = metrics
        self._is_quiet = is_quiet

    def replaced(self, handler: Handler, method: str, metadata: Metadata) -> Handler:
        if method.startswith(QUIET):
            return handler
        call = _Call(method, dict(metadata).get(REQUEST_ID_HEADER), self._metrics)
        call.quiet = self._is_quiet(method)
        return _wrapped(handler, call)


class _Call:
    def __init__(self, method: str, request_id: Any, metrics: CallMetrics) -> None:
        self.method = method
        self.metrics = metrics
        self.quiet = False
        self.request_id = request_id if _is_harmless(request_id) else None

    def unary(self, behaviour: Any) -> Callable[[Any, grpc.ServicerContext], Any]:
        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            with self._around(context):
                return behaviour(request, context)

        return answer

    def stream(self, behaviour: Any) -> Callable[[Any, grpc.ServicerContext], Iterator[Any]]:
        def answer(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            with self._around(context):
                yield from behaviour(request, context)

        return answer

    @contextmanager
    def _around(self, context: Any) -> Iterator[None]:
        started = time.monotonic()
        self.metrics.started(self.method)
        context.set_trailing_metadata(((REQUEST_ID_HEADER, bind_request_id(self.request_id)),))
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the one place that turns any error into a status
            self._fail(error, context)
        finally:
            code, seconds = _code_name(context), time.monotonic() - started
            self.metrics.ended(self.method, code=code, seconds=seconds)
            say = log.debug if self.quiet and code == "OK" else log.info
            say("call", method=self.method, code=code, seconds=round(seconds, 4))
            clear_request_id()

    def _own_id(self) -> tuple[str, str]:
        return REQUEST_ID_HEADER, request_id() or ""

    def _fail(self, error: Exception, context: Any) -> NoReturn:
        if context.code() is not None:  # the servicer aborted by itself
            raise error
        if isinstance(error, grpc.RpcError) and not context.is_active():
            raise error  # the caller went away, which is no fault; gRPC knows its own error and says nothing of it
        if isinstance(error, ServiceError | RemoteError):
            log.warning("call refused", method=self.method, reason=error.reason, message=short(str(error)))
            status = error.status()
            context.abort_with_status(
                status._replace(trailing_metadata=(*status.trailing_metadata, self._own_id(), NO_RETRY))
            )
        log.exception("call failed", method=self.method)
        context.abort(
            grpc.StatusCode.INTERNAL,
            f"{type(error).__name__} in {self.method}; the log of the service has the traceback",
        )
        raise AssertionError("abort always raises")


def _is_harmless(request_id: Any) -> bool:
    return isinstance(request_id, str) and HARMLESS_ID.fullmatch(request_id) is not None


def _code_name(context: Any) -> str:
    code = context.code()
    if isinstance(code, grpc.StatusCode):
        return code.name
    # A caller who hung up, or whose deadline passed, gets no code from us.
    return "OK" if context.is_active() else grpc.StatusCode.CANCELLED.name


def _wrapped(handler: Handler, call: _Call) -> Handler:
    around = call.stream if handler.response_streaming else call.unary
    behaviour = behaviour_of(handler)
    threads = getattr(behaviour, "experimental_thread_pool", None)
    wrapped = around(behaviour)
    return rebuilt(handler, on_threads(threads, wrapped) if threads else wrapped)


class TokenRights(HandlerInterceptor):
    """Refuses what the token of a call does not open, before anything of its request is read."""

    def __init__(self, rights: Rights) -> None:
        self._rights = rights
        # Threads of their own: a stranger's calls must not pile up behind work, nor delay it.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="refusals")
        self._apart = ThreadPoolExecutor(2, thread_name_prefix="apart")

    def replaced(self, handler: Handler, method: str, metadata: Metadata) -> Handler:
        if method == HEALTH_CHECK:
            return handler
        error = self._rights.refusal(method, metadata)
        if error:
            return _refusing(method, error, self._threads)
        if self._rights.is_apart(method):
            return rebuilt(handler, on_threads(self._apart, partial(behaviour_of(handler))))
        return handler


def _refusing(method: str, error: ServiceError, threads: ThreadPoolExecutor) -> Handler:
    """Ends the call. As a stream, whatever the method is: a single request would be received whole before."""

    def refuse(_: Any, context: Any) -> Iterator[Any]:
        log.warning("call refused", method=method, reason=error.reason)
        context.abort_with_status(error.status())
        yield  # no answers, but a stream of them

    return grpc.stream_stream_rpc_method_handler(on_threads(threads, refuse))


class RequestSizes(HandlerInterceptor):
    """Refuses messages beyond what their method takes, before they are parsed."""

    def __init__(self, limit_of: Callable[[str], int | None]) -> None:
        self._limit_of = limit_of

    def replaced(self, handler: Handler, method: str, metadata: Metadata) -> Handler:
        limit = self._limit_of(method)
        return handler if limit is None or method.startswith(QUIET) else _limited(method, handler, limit)


@dataclass(frozen=True)
class _TooLarge:
    """Stands for a request that was received and not parsed."""

    size: int


def _limited(method: str, handler: Handler, limit: int) -> Handler:
    parse: Any = handler.request_deserializer

    def parsed(data: bytes) -> Any:
        return _TooLarge(len(data)) if len(data) > limit else parse(data)

    def small(request: Any) -> Any:
        if isinstance(request, _TooLarge):
            raise RequestTooLargeError(
                f"{method} takes messages of at most {limit} bytes, and this one has {request.size}: send "
                "less at once, in several messages or calls"
            )
        return request

    behaviour = behaviour_of(handler)
    if handler.request_streaming:
        return rebuilt(
            handler, lambda requests, context: behaviour(map(small, requests), context), parse=parsed
        )
    return rebuilt(handler, lambda request, context: behaviour(small(request), context), parse=parsed)
