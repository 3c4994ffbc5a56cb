"""What happens around every call on a server: its request id, its errors, its log line, its token."""

import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeAlias

import grpc
from grpc_status import rpc_status

from runtime.errors import RemoteError, ServiceError, status_of
from runtime.metrics import CallMetrics
from runtime.telemetry import REQUEST_ID_HEADER, bind_request_id, clear_request_id, get_logger, request_id

# grpc's class takes type arguments in its stubs only, not when the module runs.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
MaybeHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None]"
log = get_logger(__name__)
# Tells gRPC's own retries to stop: an error that a service worded is an answer, and every service in the chain
# that asked again would multiply the attempts. A call that reached no service is still retried.
NO_RETRY = ("grpc-retry-pushback-ms", "-1")
# Probes come every few seconds and would bury the rest.
QUIET = ("/grpc.health.v1.Health/", "/grpc.reflection.")


class RequestErrors(grpc.ServerInterceptor):
    """Binds the request id, logs and counts each call with its duration, and turns exceptions into statuses."""

    def __init__(self, metrics: CallMetrics) -> None:
        self._metrics = metrics

    def intercept_service(
        self,
        continuation: Continuation,
        handler_call_details: grpc.HandlerCallDetails,
    ) -> MaybeHandler:
        handler = continuation(handler_call_details)
        method: str = handler_call_details.method
        if handler is None or method.startswith(QUIET):
            return handler
        metadata = dict(handler_call_details.invocation_metadata or ())
        call = _Call(method, metadata.get(REQUEST_ID_HEADER), self._metrics)
        return _wrapped(handler, call)


class _Call:
    def __init__(self, method: str, request_id: Any, metrics: CallMetrics) -> None:
        self.method = method
        self.metrics = metrics
        self.request_id = str(request_id) if request_id else None

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
            log.info("call", method=self.method, code=code, seconds=round(seconds, 4))
            clear_request_id()

    def _own_id(self) -> tuple[str, str]:
        return REQUEST_ID_HEADER, request_id() or ""

    def _fail(self, error: Exception, context: Any) -> NoReturn:
        if context.code() is not None:  # the servicer aborted by itself
            raise error
        if isinstance(error, ServiceError | RemoteError):
            log.warning("call refused", method=self.method, reason=error.reason, message=str(error))
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


def _code_name(context: Any) -> str:
    code = context.code()
    if isinstance(code, grpc.StatusCode):
        return code.name
    # A caller who hung up, or whose deadline passed, gets no code from us.
    return "OK" if context.is_active() else grpc.StatusCode.CANCELLED.name


def _wrapped(handler: Handler, call: _Call) -> Handler:
    codec = {
        "request_deserializer": handler.request_deserializer,
        "response_serializer": handler.response_serializer,
    }
    if handler.unary_unary:
        return grpc.unary_unary_rpc_method_handler(call.unary(handler.unary_unary), **codec)
    if handler.unary_stream:
        return grpc.unary_stream_rpc_method_handler(call.stream(handler.unary_stream), **codec)
    if handler.stream_unary:
        return grpc.stream_unary_rpc_method_handler(call.unary(handler.stream_unary), **codec)
    return grpc.stream_stream_rpc_method_handler(call.stream(handler.stream_stream), **codec)


class BearerToken(grpc.ServerInterceptor):
    """Refuses calls without the token; probes of health need none."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    def intercept_service(
        self,
        continuation: Continuation,
        handler_call_details: grpc.HandlerCallDetails,
    ) -> MaybeHandler:
        handler = continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith("/grpc.health.v1.Health/"):
            return handler
        metadata = dict(handler_call_details.invocation_metadata or ())
        sent = str(metadata.get("authorization", "")).encode()
        if hmac.compare_digest(sent, self._expected):
            return handler
        return _refusing(handler)


def _refusing(handler: Handler) -> Handler:
    def refuse(_: Any, context: Any) -> NoReturn:
        status = status_of(
            code=grpc.StatusCode.UNAUTHENTICATED,
            message="this service asks for a token: send metadata 'authorization: Bearer <token>'",
            reason="TOKEN_REQUIRED",
            domain="reclass",
            permanent=True,
        )
        context.abort_with_status(rpc_status.to_status(status))
        raise AssertionError("abort always raises")

    if handler.response_streaming:
        kind = (
            grpc.stream_stream_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_stream_rpc_method_handler
        )
    else:
        kind = (
            grpc.stream_unary_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_unary_rpc_method_handler
        )
    return kind(
        refuse,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )
