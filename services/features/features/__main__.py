"""Starts the features service: `python -m features`."""

from functools import partial

from reclass.features.v1 import features_pb2_grpc
from runtime.channel import open_channel
from runtime.metrics import new_registry
from runtime.server import serve
from runtime.telemetry import configure_logging, get_logger

from features.download import Downloads
from features.location import MediaFolders
from features.pool import ExtractionPool
from features.servicer import FeatureServicer
from features.settings import FeatureSettings
from features.source import AudioSources

# Beside the songs that are heard, some may be fetched or wait for their turn, and capabilities be asked for.
WAITING_CALLS = 16


def main() -> None:
    """Serve until SIGTERM."""
    settings = FeatureSettings.load()
    configure_logging(service="features", level=settings.log_level, log_format=settings.log_format)
    for folder in settings.media_folders:
        if not folder.is_dir():
            get_logger(__name__).warning("media folder is not there", folder=str(folder))
    registry = new_registry()
    pool = ExtractionPool(
        processes=settings.processes,
        time_limit_seconds=settings.time_limit_seconds,
        memory_limit_bytes=settings.memory_limit_bytes,
        registry=registry,
    )
    servicer = FeatureServicer(
        sources=AudioSources(
            MediaFolders(folders=settings.media_folders, mappings=settings.path_map), _downloads(settings)
        ),
        pool=pool,
        media_folders=tuple(map(str, settings.media_folders)),
    )
    serve(
        settings,
        services={
            "reclass.features.v1.FeatureService": partial(
                features_pb2_grpc.add_FeatureServiceServicer_to_server, servicer
            )
        },
        max_workers=settings.processes + WAITING_CALLS,
        warm_up=pool.warm_up,
        close=pool.close,
        registry=registry,
    )


def _downloads(settings: FeatureSettings) -> Downloads:
    token = settings.sync_token.get_secret_value() if settings.sync_token else None
    channel = open_channel(settings.sync_target, token=token) if settings.sync_target else None
    return Downloads(
        channel, max_bytes=settings.max_download_bytes, timeout_seconds=settings.download_timeout_seconds
    )


if __name__ == "__main__":
    main()
