"""Starts the features service: `python -m features`."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from prometheus_client import CollectorRegistry
from reclass.features.v1 import features_pb2_grpc
from runtime.channel import BRIEFLY, open_channel
from runtime.metrics import new_registry
from runtime.server import serve
from runtime.streams import StreamLimits
from runtime.telemetry import configure_logging, get_logger
from runtime.triton import Triton, identity_of
from runtime.watchdog import Watchdog, WatchdogMetrics

from features.embeddings.embedding import Embedding, Surroundings
from features.embeddings.installed import ClashingEmbeddingError, build_embeddings
from features.extractor import Extractor
from features.fma import vector as fma
from features.messages import KIND_NAMES
from features.rights import MAY_CALL
from features.servicer import FeatureServicer
from features.settings import FeatureSettings
from features.source.audio_sources import AudioSources
from features.source.download import Downloads
from features.source.file_lookup import MediaFolders, spelled_as_on_disk
from features.workers.pool import ExtractionPool

log = get_logger(__name__)
# Beside the songs at work, some may be fetched or wait for their turn, and capabilities be asked for.
WAITING_CALLS = 16


def main() -> None:
    """Serve until SIGTERM."""
    settings = FeatureSettings.load()
    configure_logging(service="features", level=settings.log_level, log_format=settings.log_format)
    _say_what_it_takes(settings)
    registry = new_registry()
    with ExitStack() as ending:
        triton = _triton(settings, ending)
        embeddings = _embeddings(Surroundings(triton=triton, registry=registry))
        pool = ExtractionPool(
            processes=settings.processes,
            time_limit_seconds=settings.time_limit_seconds,
            memory_limit_bytes=settings.memory_limit_bytes,
            registry=registry,
            preprocessings=[each.preprocessing for each in embeddings],
        )
        ending.callback(pool.close)
        _load(embeddings, ending)
        _watch(embeddings, triton, settings, registry, ending)
        servicer = build(settings, pool, embeddings)
        serve(
            settings,
            services={
                "reclass.features.v1.FeatureService": partial(
                    features_pb2_grpc.add_FeatureServiceServicer_to_server, servicer
                )
            },
            tables={"reclass.features.v1.FeatureService": MAY_CALL},
            # Each process has a song at work and one before it or at the model.
            max_workers=2 * settings.processes + settings.max_streams + WAITING_CALLS,
            warm_up=pool.warm_up,
            registry=registry,
        )


def build(
    settings: FeatureSettings, pool: ExtractionPool, embeddings: Sequence[Embedding]
) -> FeatureServicer:
    """Put the service together."""
    folders = MediaFolders(folders=settings.media_folders, mappings=settings.path_map)
    return FeatureServicer(
        extractor=Extractor(
            sources=AudioSources(folders, _downloads(settings)),
            pool=pool,
            embeddings=embeddings,
            kind_names=KIND_NAMES,
        ),
        media_folders=tuple(map(str, settings.media_folders)),
        stream_limits=StreamLimits(
            songs=settings.max_stream_songs,
            content_bytes=settings.max_message_bytes,
            workers=min(settings.max_stream_songs, 2 * settings.processes),
        ),
        max_streams=settings.max_streams,
    )


def _say_what_it_takes(settings: FeatureSettings) -> None:
    for folder in settings.media_folders:
        if not spelled_as_on_disk(folder).is_dir():
            log.warning("media folder is not there", folder=str(folder))
    limit = settings.memory_limit_bytes / 2**20
    log.info(
        "memory is bounded",
        processes=settings.processes,
        mebibytes_of_a_process=round(limit),
        mebibytes_of_all=round(limit * settings.processes),
    )


def _triton(settings: FeatureSettings, ending: ExitStack) -> Triton | None:
    if not settings.triton_target:
        return None
    triton = Triton(settings.triton_target, identity=identity_of(settings))
    ending.callback(triton.close)
    return triton


def _embeddings(surroundings: Surroundings) -> Sequence[Embedding]:
    try:
        return build_embeddings(surroundings, fma.NAMES)
    except ClashingEmbeddingError as error:
        sys.exit(f"features cannot start: {error}")


def _load(embeddings: Sequence[Embedding], ending: ExitStack) -> None:
    for each in embeddings:
        ending.callback(each.close)
        each.load()


def _watch(
    embeddings: Sequence[Embedding],
    triton: Triton | None,
    settings: FeatureSettings,
    registry: CollectorRegistry,
    ending: ExitStack,
) -> None:
    """Look after the models in Triton from now on."""
    if triton is None or not settings.watchdog_seconds:
        return
    watchdog = Watchdog(
        triton,
        lambda: [probe for each in embeddings for probe in each.probes()],
        every_seconds=settings.watchdog_seconds,
        metrics=WatchdogMetrics(registry),
        restores=False,
    )
    ending.callback(watchdog.close)
    watchdog.start()


def _downloads(settings: FeatureSettings) -> Downloads:
    token = settings.sync_token.get_secret_value() if settings.sync_token else None
    channel = (
        # Whoever waits for the song is told soon that sync is down, and knows himself how long to go on asking.
        open_channel(settings.sync_target, token=token, patient=False, attempts=BRIEFLY)
        if settings.sync_target
        else None
    )
    return Downloads(
        channel, max_bytes=settings.max_download_bytes, timeout_seconds=settings.download_timeout_seconds
    )


if __name__ == "__main__":
    main()
