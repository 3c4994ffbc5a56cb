"""The three services that the portal calls, as one value to hand down."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from runtime.channel import open_channel

from portal.configuration import PortalSettings
from portal.remote.features import FeaturesClient
from portal.remote.inference import InferenceClient
from portal.remote.sync import SyncClient


@dataclass(frozen=True, kw_only=True)
class Services:
    """Doors to sync, features and inference."""

    sync: SyncClient
    features: FeaturesClient
    inference: InferenceClient


@contextmanager
def connected(settings: PortalSettings) -> Iterator[Services]:
    """Open the channels; they connect when first used, and close at the end."""
    token = settings.service_token.get_secret_value() if settings.service_token else None
    targets = (settings.sync_target, settings.features_target, settings.inference_target)
    sync, features, inference = channels = [
        open_channel(target, token=token, max_message_bytes=settings.max_message_bytes) for target in targets
    ]
    try:
        yield Services(
            sync=SyncClient(sync), features=FeaturesClient(features), inference=InferenceClient(inference)
        )
    finally:
        for channel in channels:
            channel.close()
