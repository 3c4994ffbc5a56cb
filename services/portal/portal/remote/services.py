"""The three services that the portal calls, as one value to hand down."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import grpc

from portal.configuration import PortalSettings
from portal.remote.calls import channel_to
from portal.remote.decisions import DecisionsClient
from portal.remote.features import FeaturesClient
from portal.remote.inference import InferenceClient
from portal.remote.models import ModelsClient
from portal.remote.sync import SENT_ONCE, SyncClient


@dataclass(frozen=True, kw_only=True)
class Services:
    """Doors to sync, features and inference, and to models and decisions of that."""

    sync: SyncClient
    features: FeaturesClient
    inference: InferenceClient
    models: ModelsClient
    decisions: DecisionsClient


@contextmanager
def connected(settings: PortalSettings) -> Iterator[Services]:
    """Open the channels; they connect when first used, and close at the end."""
    with ExitStack() as channels:

        def to(service: str, sent_once: Sequence[str] = ()) -> grpc.Channel:
            channel = channel_to(settings, service, sent_once=sent_once)
            channels.callback(channel.close)
            return channel

        inference = to("inference")
        yield Services(
            sync=SyncClient(to("sync", SENT_ONCE)),
            features=FeaturesClient(to("features")),
            inference=InferenceClient(inference),
            models=ModelsClient(inference),
            decisions=DecisionsClient(inference),
        )
