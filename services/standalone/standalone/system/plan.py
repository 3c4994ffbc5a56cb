"""What differs between one system and another."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from standalone.host.data_folder import DataFolder
from standalone.host.ports import Ports
from standalone.settings import TRITON_FOLDER


@dataclass(frozen=True, kw_only=True)
class PlexConnection:
    """What the environment says of the Plex server; a part that it does not say is set in the portal."""

    url: str = ""
    """Its address."""
    token: str = field(default="", repr=False)
    """The X-Plex-Token of its owner."""


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """The demo's server that stands in for Plex."""

    catalogue: Path
    """The library that it serves, as `Catalogue.save` wrote it."""
    state: Path
    """Where it keeps what is edited."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that differs between one system and another."""

    folder: DataFolder
    """Where its state lies."""
    ports: Ports = field(default_factory=Ports)
    """Where its parts listen."""
    plex: PlexConnection = PlexConnection()
    """Its Plex server, as far as the environment says it."""
    plex_library: str = ""
    """Title of the music library; empty takes all."""
    stand_in: StandIn | None = None
    """Serves a made library in place of Plex; `plex` is not used then."""
    media_folders: str = ""
    """FEATURES_MEDIA_FOLDERS."""
    path_map: str = ""
    """FEATURES_PATH_MAP."""
    triton_python: Path = Path(f"{sys.prefix}-triton/bin/python")
    """Python of Triton's own environment."""
    triton_folder: Path = TRITON_FOLDER
    """Triton's launcher, and the models that the repository brings."""

    mert_weights: Path | None = None
    """The checkpoint of MERT; None takes what TRITON_MERT_WEIGHTS says, else what is in the folder."""

    def unused_ports(self) -> frozenset[str]:
        """Names of ports on which nothing will listen."""
        return frozenset() if self.stand_in else frozenset({"stand_in"})
