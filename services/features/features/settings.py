"""Settings of the features service, from FEATURES_* variables."""

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict
from runtime.addresses import AddressIfAny
from runtime.settings import TritonCallerSettings

from features.source.file_lookup import PathMapping


class FeatureSettings(TritonCallerSettings):
    """What a deployment may choose."""

    model_config = SettingsConfigDict(env_prefix="FEATURES_", use_attribute_docstrings=True, extra="ignore")

    port: int = Field(default=50052, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    token_of_portal: SecretStr | None = None
    """Bearer token that the portal sends."""
    token_of_inference: SecretStr | None = None
    """Bearer token that inference sends."""
    media_folders: Annotated[tuple[Path, ...], NoDecode] = ()
    """Folders whose files may be read, separated by ":" or ","; empty: only bytes are taken."""
    path_map: Annotated[tuple[PathMapping, ...], NoDecode] = ()
    """Where Plex's folders are here: "/data/music=/mnt/music,D:\\Music=/mnt/d". Wins over mappings of a request."""
    sync_target: AddressIfAny = "127.0.0.1:50051"
    """Host and port of the sync service, asked for files that are not mounted; empty: there is none."""
    sync_token: SecretStr | None = None
    """Bearer token to send to sync: its SYNC_TOKEN_OF_FEATURES."""
    max_download_bytes: int = Field(default=2**30, ge=2**20)
    """The largest file that is read through sync."""
    download_timeout_seconds: float = Field(default=300.0, gt=0)
    """How long reading one file through sync may take."""
    processes: int = Field(default_factory=lambda: len(os.sched_getaffinity(0)), ge=1, le=256)
    """Songs that are at work at the same time; the number of cores unless set."""
    time_limit_seconds: float = Field(default=60.0, ge=1, le=3600)
    """How long the analysis of one song may take."""
    memory_limit_bytes: int = Field(default=2**30, ge=2**29, le=2**38)
    """Memory that each of the processes may take; a song that needs more is skipped with the reason OUT_OF_MEMORY."""

    triton_target: AddressIfAny = ""
    """Host and port of the gRPC of the Triton that runs the models of embeddings; empty: FMA alone is computed."""
    max_streams: int = Field(default=4, ge=1, le=64)
    """ExtractMany streams at the same time."""
    max_stream_songs: int = Field(default=64, ge=1, le=4096)
    """Songs of one ExtractMany stream that are in the works at the same time."""
    watchdog_seconds: float = Field(default=30.0, ge=0, le=3600)
    """How often an idle model in Triton is asked whether it answers; 0: only by callers."""

    @field_validator("media_folders", mode="before")
    @classmethod
    def _split_folders(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        folders = tuple(Path(part.strip()) for part in re.split(r"[:,\n]", value) if part.strip())
        relative = next((folder for folder in folders if not folder.is_absolute()), None)
        if relative is not None:
            raise ValueError(f"{relative} is not an absolute path")
        return folders

    @field_validator("path_map", mode="before")
    @classmethod
    def _split_mappings(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(_mapping(part.strip()) for part in re.split(r"[,\n]", value) if part.strip())


def _mapping(text: str) -> PathMapping:
    from_prefix, equals, to_prefix = text.rpartition("=")
    if not equals or not from_prefix or not to_prefix.startswith("/"):
        raise ValueError(f"{text!r} is not FROM=TO with an absolute folder of this machine as TO")
    return PathMapping(from_prefix=from_prefix, to_prefix=to_prefix)
