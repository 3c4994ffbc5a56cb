"""An inference service that fails as it is asked to, for what the client package makes of it."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import grpc
import pytest
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2 as messages
from reclass.inference.v1 import inference_pb2_grpc
from runtime.errors import RemoteError
from runtime.testing import running_server

NAME = "reclass.inference.v1.InferenceService"


class Refusing(inference_pb2_grpc.InferenceServiceServicer):
    """Fails with the code that the path or the key names; with a reason and a domain where `reason` has one."""

    def __init__(self) -> None:
        self.reason = ""

    def ClassifyTrack(self, request: messages.ClassifyTrackRequest, context: Any) -> Any:
        code = grpc.StatusCode[request.audio.path]
        if not self.reason:
            context.abort(code, "in gRPC's own words")
        error = RemoteError(
            code=code, message="what to do", reason=self.reason, domain="reclass.test", permanent=True
        )
        context.abort_with_status(error.status())

    def ClassifyTracks(self, requests: Any, context: Any) -> Iterator[messages.ClassifyTracksResponse]:
        for request in requests:
            number = int(request.key) if request.key.isdigit() else grpc.StatusCode[request.key].value[0]
            error = features_pb2.SongError(code=number, reason="SOME_REASON", message="what to do")
            yield messages.ClassifyTracksResponse(key=request.key, error=error)


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[Refusing, str]]:
    servicer = Refusing()
    register = partial(inference_pb2_grpc.add_InferenceServiceServicer_to_server, servicer)
    with running_server({NAME: register}) as server:
        yield servicer, f"127.0.0.1:{server.port}"
