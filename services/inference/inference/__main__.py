"""Starts the inference service: python -m inference."""

from functools import partial

import grpc
from reclass.features.v1 import features_pb2_grpc
from reclass.inference.v1 import inference_pb2_grpc
from runtime.channel import BRIEFLY, open_channel
from runtime.metrics import new_registry
from runtime.rights import Role
from runtime.server import serve
from runtime.streams import StreamLimits
from runtime.telemetry import configure_logging
from runtime.triton import Triton, identity_of
from runtime.watchdog import Watchdog, WatchdogMetrics

from inference.jobs.training_job import Trainer
from inference.registry.store import ModelStore
from inference.rpc.admission import PORTAL_STREAMS, DecideStreams, calls_limit, streams_limit
from inference.rpc.callers import Callers
from inference.rpc.classify_request import Classifier
from inference.rpc.rights import MAY_CALL
from inference.rpc.servicer import InferenceServicer
from inference.serving.embedding_models import EmbeddingModels
from inference.serving.heads import Heads
from inference.serving.lifecycle import Models
from inference.settings import InferenceSettings

SERVICE_NAME = "reclass.inference.v1.InferenceService"
OTHER_CALLS = 16
"""Threads for Train and GetStatus, and for refusing the call that is one too many."""


def main() -> None:
    settings = InferenceSettings.load()
    configure_logging(service="inference", level=settings.log_level, log_format=settings.log_format)
    channel = channel_to_features(settings)
    triton = Triton(
        settings.triton_target,
        identity=identity_of(settings),
        key=settings.triton_key.get_secret_value() if settings.triton_key else None,
    )
    callers = Callers(settings.folder)
    features = features_pb2_grpc.FeatureServiceStub(channel)
    servicer = build(settings, triton=triton, features=features, callers=callers)

    registry = new_registry()
    metrics = WatchdogMetrics(registry)
    watchdogs = [
        Watchdog(triton, probes, every_seconds=settings.watchdog_seconds, metrics=metrics)
        # A model of embeddings may be busy for minutes, and the heads are not to wait for it.
        for probes in (servicer.probes, EmbeddingModels(triton).probes)
    ]

    def warm_up() -> None:
        servicer.warm_up()
        if settings.watchdog_seconds:
            for watchdog in watchdogs:
                watchdog.start()

    def close() -> None:
        for watchdog in watchdogs:
            watchdog.close()
        channel.close()
        triton.close()

    register = partial(inference_pb2_grpc.add_InferenceServiceServicer_to_server, servicer)
    serve(
        settings,
        {SERVICE_NAME: register},
        tables={SERVICE_NAME: MAY_CALL},
        others=callers.role_of,
        max_workers=settings.max_calls
        + settings.max_streams
        + settings.max_decide_streams
        + PORTAL_STREAMS
        + OTHER_CALLS,
        warm_up=warm_up,
        close=close,
        registry=registry,
    )


def channel_to_features(settings: InferenceSettings) -> grpc.Channel:
    """A call that must not wait is told within seconds that features is down; one that may says so itself."""
    token = settings.features_token.get_secret_value() if settings.features_token else None
    return open_channel(
        settings.features_target,
        token=token,
        max_message_bytes=settings.max_message_bytes,
        patient=False,
        attempts=BRIEFLY,
    )


def build(
    settings: InferenceSettings,
    *,
    triton: Triton,
    features: features_pb2_grpc.FeatureServiceStub,
    callers: Callers | None = None,
) -> InferenceServicer:
    """Put the service together."""
    store = ModelStore(repository=settings.model_repository, templates=settings.model_templates)
    heads = Heads(store, triton)
    models = Models(store=store, heads=heads)
    return InferenceServicer(
        heads=heads,
        models=models,
        trainer=Trainer(store=store, heads=heads, threads=settings.threads_for_training()),
        classifier=Classifier(
            heads=heads,
            models=models,
            features=features,
            extract_timeout_seconds=settings.extract_timeout_seconds,
            max_content_bytes=settings.max_content_bytes,
        ),
        calls=calls_limit(settings.max_calls),
        streams=streams_limit(settings.max_streams),
        decide_streams=DecideStreams(settings.max_decide_streams, settings.tokens().get(Role.PORTAL)),
        stream_limits=StreamLimits(
            songs=settings.max_stream_songs,
            content_bytes=settings.max_content_bytes,
            workers=settings.max_stream_extractions,
        ),
        callers=callers or Callers(settings.folder),
    )


if __name__ == "__main__":
    main()
