"""What interceptors make of the handlers of a server: others of the same kind, around the same behaviour."""

from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar

import grpc

# grpc's class takes type arguments in its stubs only, not when the module runs.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
MaybeHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None]"
Behaviour = TypeVar("Behaviour", bound=Callable[..., Any])
Metadata: TypeAlias = "tuple[tuple[str, str | bytes], ...]"
HEALTH_CHECK = "/grpc.health.v1.Health/Check"


class HandlerInterceptor(grpc.ServerInterceptor):
    """Puts another handler in the place of one that the server has."""

    def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> MaybeHandler:
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        metadata = tuple(handler_call_details.invocation_metadata or ())
        return self.replaced(handler, handler_call_details.method, metadata)

    @abstractmethod
    def replaced(self, handler: Handler, method: str, metadata: Metadata) -> Handler:
        """What answers this call of "/package.Service/Method" instead; the handler itself where nothing does."""


def behaviour_of(handler: Handler) -> Any:
    """The function that answers."""
    return handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream


def rebuilt(
    handler: Handler, behaviour: Any, *, parse: Any = None, request_streaming: bool | None = None
) -> Handler:
    """A handler like this one with another behaviour, and what else is given."""
    codec = {
        "request_deserializer": parse or handler.request_deserializer,
        "response_serializer": handler.response_serializer,
    }
    streaming = handler.request_streaming if request_streaming is None else request_streaming
    if handler.response_streaming:
        if streaming:
            return grpc.stream_stream_rpc_method_handler(behaviour, **codec)
        return grpc.unary_stream_rpc_method_handler(behaviour, **codec)
    if streaming:
        return grpc.stream_unary_rpc_method_handler(behaviour, **codec)
    return grpc.unary_unary_rpc_method_handler(behaviour, **codec)


def on_threads(threads: ThreadPoolExecutor, behaviour: Behaviour) -> Behaviour:
    """Have a server run the behaviour of a handler on these threads and not on its own."""
    behaviour.experimental_thread_pool = threads  # type: ignore[attr-defined] # that is how gRPC is told
    return behaviour
