"""Asks the features service which make of vectors it would make now."""

import grpc
from reclass.features.v1 import features_pb2, features_pb2_grpc
from reclass.inference.v1 import inference_pb2
from runtime.telemetry import get_logger

from inference.classify.stages import VectorKind
from inference.serving.lifecycle import Makes

log = get_logger(__name__)
TIMEOUT_SECONDS = 5.0
Wishes = inference_pb2.PromoteModelRequest | inference_pb2.RollbackModelRequest


def makes_now(stub: features_pb2_grpc.FeatureServiceStub, wishes: Wishes) -> Makes:
    """What features makes and the caller keeps. A silent features is no hindrance: a bad model must be taken back."""
    request = features_pb2.GetCapabilitiesRequest(
        excerpt=wishes.excerpt, compute=wishes.compute if wishes.HasField("compute") else None
    )
    try:
        capabilities = stub.GetCapabilities(request, timeout=TIMEOUT_SECONDS)
    except grpc.RpcError as error:
        log.warning("features was not asked what it makes", because=str(error.code()))
        return Makes(now={}, kept=frozenset(wishes.vector_versions))
    known = {int(kind): kind.name for kind in VectorKind}
    now = {
        known[kind.kind]: kind.version for kind in capabilities.kinds if kind.version and kind.kind in known
    }
    return Makes(now=now, kept=frozenset(wishes.vector_versions))
