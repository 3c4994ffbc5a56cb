"""The door to Triton: inference and model control over gRPC, healed where Triton does not heal itself."""

import json
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import grpc
import numpy as np
import tritonclient.grpc as client
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException, np_to_triton_dtype, triton_to_np_dtype

from runtime.channel import NO_PROXY
from runtime.errors import ServiceError
from runtime.settings import TritonCallerSettings
from runtime.telemetry import get_logger

log = get_logger(__name__)
T = TypeVar("T")
Array = NDArray[Any]
# The second part is the name that services/triton/launch.py gives to the key.
KEY_HEADER = "triton-grpc-protocol-reclass-key"
# A stub that cannot start keeps Triton waiting for ever.
LOAD_SECONDS = 120.0


class TritonError(ServiceError):
    """Triton answered with an error."""

    reason = "MODEL_BROKEN"
    code = grpc.StatusCode.INTERNAL
    detail = ""
    """What Triton or the model said, without the words around it; empty where that is not known."""


class TritonUnavailableError(TritonError):
    """Triton does not answer, or not in time."""

    reason: ClassVar[str] = "TRITON_UNAVAILABLE"
    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.UNAVAILABLE


class ModelNotLoadedError(TritonError):
    """Triton runs, but does not serve this model or version."""

    reason: ClassVar[str] = "MODEL_NOT_LOADED"
    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.FAILED_PRECONDITION
    permanent = False  # it may be loading just now


class StubDeadError(TritonError):
    """The process that runs the model died; Triton goes on calling the model ready and never restarts it."""


class ForbiddenError(TritonError):
    """Triton takes this order from those alone who have its key."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who this service is at a Triton that asks for certificates; each is the text of a PEM file."""

    authority: str
    """Of the server's certificate, and of ours."""
    certificate: str
    """Ours."""
    key: str = field(repr=False)
    """Of our certificate."""

    def credentials(self) -> grpc.ChannelCredentials:
        """As gRPC wants it."""
        return grpc.ssl_channel_credentials(
            root_certificates=self.authority.encode(),
            private_key=self.key.encode(),
            certificate_chain=self.certificate.encode(),
        )


def identity_of(settings: TritonCallerSettings) -> Identity | None:
    """Who a service is by its settings; nobody where Triton asks for no certificates."""
    parts = (settings.triton_authority, settings.triton_certificate, settings.triton_certificate_key)
    texts = [part.get_secret_value() for part in parts if part]
    return Identity(authority=texts[0], certificate=texts[1], key=texts[2]) if texts else None


class Triton:
    """A Triton server at `target` ("host:port" of its gRPC). Safe to share between threads.

    `identity` is for one that asks for certificates, `key` for one that takes orders (to load, unload, list) only with
    it.
    """

    def __init__(
        self,
        target: str,
        *,
        timeout_seconds: float = 30.0,
        identity: Identity | None = None,
        key: str | None = None,
    ) -> None:
        self.target = target
        self._timeout_seconds = timeout_seconds
        self._headers = {KEY_HEADER: key} if key else None
        self._client = client.InferenceServerClient(
            target, creds=identity.credentials() if identity else None, channel_args=_CHANNEL
        )
        self._healing = threading.Lock()
        self._healed: dict[str, float] = {}

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def is_live(self) -> bool:
        """Whether the server answers at all."""
        try:
            return bool(self._call(lambda: self._client.is_server_live(client_timeout=2.0)))
        except TritonError:
            return False

    def is_model_ready(self, model: str, version: str = "") -> bool:
        """Whether the server serves this model; a dead stub is not noticed here, by Triton's own doing."""
        try:
            return bool(self._call(lambda: self._client.is_model_ready(model, version, client_timeout=5.0)))
        except ModelNotLoadedError:
            return False

    def load(self, model: str, config: Mapping[str, Any] | None = None) -> None:
        """Load or reload a model, with the configuration of the repository unless another is given."""
        text = json.dumps(config) if config is not None else None
        self._call(
            lambda: self._client.load_model(
                model, headers=self._headers, config=text, client_timeout=LOAD_SECONDS
            )
        )
        log.info("model loaded", model=model)

    def unload(self, model: str) -> None:
        """Stop serving a model; no error when it is not served."""
        self._call(
            lambda: self._client.unload_model(
                model, headers=self._headers, client_timeout=self._timeout_seconds
            )
        )

    def index(self) -> list[dict[str, Any]]:
        """Name, version, state and reason of each model that the repository holds."""
        answer = self._call(
            lambda: self._client.get_model_repository_index(
                headers=self._headers, as_json=True, client_timeout=self._timeout_seconds
            )
        )
        return list(answer.get("models", []))

    def input_types(self, model: str) -> dict[str, type[np.generic]]:
        """By the name of each input of a model that is loaded, in its order: the type of its values."""
        answer = self._call(
            lambda: self._client.get_model_metadata(model, as_json=True, client_timeout=self._timeout_seconds)
        )
        return {each["name"]: triton_to_np_dtype(each["datatype"]) for each in answer["inputs"]}

    def infer(
        self,
        model: str,
        inputs: Mapping[str, Array],
        outputs: Sequence[str],
        *,
        version: str = "",
        heal: Callable[[], None] | None = None,
    ) -> dict[str, Array]:
        """Run a model. What Triton lost, by a restart or because the stub died, is loaded again, and one more try made.

        `heal` loads it; without it that is done with the configuration of the repository.
        """
        asked = time.monotonic()
        try:
            return self.ask(model, inputs, outputs, version=version)
        except (ModelNotLoadedError, StubDeadError) as error:
            log.warning("loading the model again", model=model, because=str(error))
            self.restore(model, error, version=version, asked=asked, load=heal)
            return self.ask(model, inputs, outputs, version=version)

    def restore(
        self,
        model: str,
        error: ModelNotLoadedError | StubDeadError,
        *,
        version: str = "",
        asked: float,
        load: Callable[[], None] | None = None,
    ) -> None:
        """Load a model that did not answer a question `asked` at that monotonic time; once for all who miss it."""
        with self._healing:
            if self._is_still_lost(model, version, error, asked):
                self._heal(model, error, load or (lambda: self.load(model)))

    def _is_still_lost(self, model: str, version: str, error: TritonError, asked: float) -> bool:
        """Whether no other thread has loaded the model while this one waited."""
        if isinstance(error, StubDeadError):  # it looks ready all the while, so only the time tells
            return self._healed.get(model, -math.inf) < asked
        return not self.is_model_ready(model, version)

    def _heal(self, model: str, error: TritonError, load: Callable[[], None]) -> None:
        if isinstance(error, StubDeadError):
            # Triton takes the model for loaded, and would not load it again while its files are unchanged.
            self.unload(model)
        load()
        self._healed[model] = time.monotonic()

    def ask(
        self,
        model: str,
        inputs: Mapping[str, Array],
        outputs: Sequence[str],
        *,
        version: str = "",
        timeout_seconds: float | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> dict[str, Array]:
        """Run a model as it is; raises ModelNotLoadedError or StubDeadError where `infer` would load it.

        `parameters` go with the request to the model.
        """
        limit = timeout_seconds or self._timeout_seconds
        tensors = []
        for name, array in inputs.items():
            tensor = client.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
            tensor.set_data_from_numpy(np.ascontiguousarray(array))
            tensors.append(tensor)
        wanted = [client.InferRequestedOutput(name) for name in outputs]
        answer = self._call(
            lambda: self._client.infer(
                model,
                tensors,
                model_version=version,
                outputs=wanted,
                client_timeout=limit,
                parameters=dict(parameters or {}),
            )
        )
        return {name: answer.as_numpy(name) for name in outputs}

    def _call(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except InferenceServerException as error:
            raise _translated(error, self.target) from error


_CHANNEL = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_reconnect_backoff_ms", 2000),
    NO_PROXY,
]


def _translated(error: InferenceServerException, target: str) -> TritonError:
    status, message = str(error.status() or ""), str(error.message() or "")
    if "Stub process" in message:
        return StubDeadError(f"the model's process in Triton died: {message}")
    if "NOT_FOUND" in status or "is not ready" in message or "unknown model" in message:
        return ModelNotLoadedError(f"Triton at {target} does not serve the model: {message}")
    if "protocol is restricted" in message:
        return ForbiddenError(
            f"Triton at {target} refused the call, for want of its key; only inference has it, by "
            "INFERENCE_TRITON_KEY_FILE"
        )
    if "UNAVAILABLE" in status or "DEADLINE_EXCEEDED" in status or "CANCELLED" in status:
        return TritonUnavailableError(
            f"Triton at {target} does not answer ({status}: {message}); is it running?"
        )
    refused = TritonError(f"Triton at {target} refused the call ({status}): {message}")
    refused.detail = message
    return refused
