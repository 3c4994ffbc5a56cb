"""The calls open on a server: none goes on when its token opens it no more, or when its caller does nothing."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf.message import DecodeError

from runtime.errors import ServiceError
from runtime.handlers import (
    HEALTH_CHECK,
    Handler,
    HandlerInterceptor,
    Metadata,
    behaviour_of,
    rebuilt,
)
from runtime.rights import Rights
from runtime.telemetry import get_logger

log = get_logger(__name__)
# A stream may last for days, and its caller is told within seconds that it may call no more.
RECHECK_SECONDS = 1.0
# Longer than an honest program thinks between two songs; who has a call holds one of few places.
IDLE_SECONDS = 600.0
# A call that is to end may say why. One that waits for its caller can do nothing itself, and is cut off.
GIVE_UP_SECONDS = 3.0


class CallIdleError(ServiceError):
    """A call on which its caller neither sent nor took anything for too long."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    reason = "CALL_IDLE"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"nothing was sent or taken on this call for {seconds:g} seconds, and it keeps a place from others: call "
            "again when there is something to send"
        )


class RequestMissingError(ServiceError):
    """A call that ends before its request."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "REQUEST_MISSING"


class RequestUnreadableError(ServiceError):
    """Bytes that are no message of the method."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "REQUEST_UNREADABLE"


class OpenCalls(HandlerInterceptor):
    """Looks at all calls again and again, each from its first byte on."""

    def __init__(self, rights: Rights | None = None, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._rights = rights
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._calls: set[OpenCall] = set()
        self._closed = threading.Event()

    def start(self) -> None:
        """Begin to look, in a thread of its own."""
        threading.Thread(target=self._look, name="open calls", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    def add(self, call: "OpenCall") -> None:
        """Look at this one too."""
        with self._lock:
            self._calls.add(call)

    def discard(self, call: "OpenCall") -> None:
        """It has ended."""
        with self._lock:
            self._calls.discard(call)

    def replaced(self, handler: Handler, method: str, metadata: Metadata) -> Handler:
        if method == HEALTH_CHECK:
            return handler
        refusal = partial(self._rights.refusal, method, metadata) if self._rights else _no_refusal
        return _watched(handler, partial(OpenCall, self, method, refusal))

    def _look(self) -> None:
        while not self._closed.wait(RECHECK_SECONDS):
            with self._lock:
                calls = tuple(self._calls)
            for call in calls:
                call.look(self._idle_seconds)


def _no_refusal() -> None:
    """Of a server that asks for no tokens."""


class OpenCall:
    """One call, from the moment that it has a thread."""

    def __init__(
        self, calls: OpenCalls, method: str, refusal: Callable[[], ServiceError | None], context: Any
    ) -> None:
        self._calls = calls
        self._method = method
        self._refusal = refusal
        self._context = context
        self._thread = threading.get_ident()
        self._waits_since: float | None = None
        self._error: ServiceError | None = None
        self._ended_at = 0.0
        self._lock = threading.Lock()
        self._endings: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        self._calls.add(self)
        self._fail(self._refusal())  # the call may have waited for its thread
        self.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls.discard(self)
        # Whatever the end of the work brought about: this is why.
        if kind is not GeneratorExit:
            self.check()

    def check(self) -> None:
        """Raises why the call is to end."""
        if self._error:
            raise self._error

    def look(self, idle_seconds: float) -> None:
        """End the call if it may not go on; cut it off where it could not end by itself."""
        now = time.monotonic()
        if self._error is None:
            waits_since = self._waits_since
            is_idle = waits_since is not None and now - waits_since > idle_seconds
            error = self._refusal() or (CallIdleError(idle_seconds) if is_idle else None)
            if error:
                log.warning("call ended", method=self._method, reason=error.reason)
                for ending in self._fail(error):
                    ending()
        elif now - self._ended_at > GIVE_UP_SECONDS:
            self._context.cancel()

    def _fail(self, error: ServiceError | None) -> tuple[Callable[[], None], ...]:
        """What is to be done when the call is to end for this."""
        with self._lock:
            self._error, self._ended_at = error, time.monotonic()
            return tuple(self._endings)

    def follow(self) -> None:
        """Look at a call that has no thread."""
        self._calls.add(self)
        if not self._context.add_callback(partial(self._calls.discard, self)):
            self._calls.discard(self)

    def on_end(self, ending: Callable[[], None]) -> bool:
        """Have this called when the call is to end, or its caller goes away; False where that was before now."""
        with self._lock:
            if self._error:
                return False
            self._endings.append(ending)
        added: bool = self._context.add_callback(ending)
        return added

    def request(self, requests: Iterator[Any]) -> Any:
        """The one request of a call, once it has arrived whole."""
        request = next(self.requests(requests), None)
        if request is None:
            raise RequestMissingError(f"{self._method} takes one message, and none was sent")
        return request

    def requests(self, requests: Iterator[Any]) -> Iterator[Any]:
        """The messages of a stream, as they come and as long as they may."""
        while (request := self._next(requests)) is not None:
            yield request

    def _next(self, requests: Iterator[Any]) -> Any:
        # Who has another thread read works meanwhile, and knows himself when he has nothing to do.
        if threading.get_ident() == self._thread:
            self._waits_since = time.monotonic()
        try:
            request = next(requests, None)
        except grpc.RpcError as error:
            if self._error:
                raise self._error from error
            raise  # the caller went away, and gRPC knows its own error
        self._waits_since = None
        if isinstance(request, _Unreadable):
            self._fail(RequestUnreadableError(f"what was sent is no message that {self._method} takes"))
        self.check()
        return request

    def answers(self, answers: Iterator[Any]) -> Iterator[Any]:
        """What a stream answers, as its caller takes it."""
        for answer in answers:
            self._waits_since = time.monotonic()
            yield answer
            self._waits_since = None


class _Unreadable:
    """Stands for bytes that are no message."""


class _Context:
    """The context of a call, for its behaviour: who asks to be told when the caller goes is told of any end."""

    def __init__(self, context: Any, call: OpenCall) -> None:
        self._context = context
        self.add_callback = call.on_end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def _watched(handler: Handler, open_call: Callable[[Any], OpenCall]) -> Handler:
    behaviour = behaviour_of(handler)
    if getattr(behaviour, "experimental_non_blocking", False):
        return rebuilt(handler, _without_thread(behaviour, open_call))

    def one(requests: Iterator[Any], context: Any) -> Any:
        with open_call(context) as call:
            return behaviour(_sent(call, handler, requests), _Context(context, call))

    def many(requests: Iterator[Any], context: Any) -> Iterator[Any]:
        with open_call(context) as call:
            yield from call.answers(behaviour(_sent(call, handler, requests), _Context(context, call)))

    # As a stream, whatever the method is: of a single request gRPC itself waits for the end, and nobody could look.
    return rebuilt(
        handler,
        many if handler.response_streaming else one,
        parse=partial(_parsed, handler.request_deserializer),
        request_streaming=True,
    )


def _sent(call: OpenCall, handler: Handler, requests: Iterator[Any]) -> Any:
    return call.requests(requests) if handler.request_streaming else call.request(requests)


def _parsed(parse: Any, data: bytes) -> Any:
    try:
        return parse(data) if parse else data
    except DecodeError:
        return _Unreadable()


def _without_thread(behaviour: Any, open_call: Callable[[Any], OpenCall]) -> Any:
    """A behaviour that is called once and answers later, from other threads; it keeps none."""

    def watched(request: Any, context: Any, send: Any) -> None:
        open_call(context).follow()
        behaviour(request, context, send)

    watched.experimental_non_blocking = True  # type: ignore[attr-defined] # that is how gRPC is told
    watched.experimental_thread_pool = behaviour.experimental_thread_pool  # type: ignore[attr-defined] # likewise
    return watched
