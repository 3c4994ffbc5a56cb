"""The settings that a person changes in the portal: their names, types, bounds, defaults, and what they are for."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator


class Group(StrEnum):
    """What belongs together on the settings page, in this order."""

    PLEX = "Plex"
    ANALYSIS = "Audio analysis"
    DECIDING = "Classification"
    WRITING = "Writing to Plex"
    SCHEDULE = "Automation"
    PAGES = "These pages"


class Effect(StrEnum):
    """When a change is felt; the words are shown."""

    AT_ONCE = "at once"
    NEXT_SONGS = "with the next songs, also of a run in progress"
    NEXT_RUN = "with the next run"
    RESTART = "when the portal's web process is started again"


@dataclass(frozen=True, kw_only=True)
class About:
    """What the settings page and docs/configure.md say of a setting beside its help."""

    group: Group
    effect: Effect


_PLEX = About(group=Group.PLEX, effect=Effect.NEXT_RUN)
_ANALYSIS = About(group=Group.ANALYSIS, effect=Effect.NEXT_SONGS)
_NEXT_EXTRACTION = About(group=Group.ANALYSIS, effect=Effect.NEXT_RUN)
_DECIDING = About(group=Group.DECIDING, effect=Effect.NEXT_SONGS)
_KNOWN = About(group=Group.DECIDING, effect=Effect.NEXT_RUN)
_WRITING = About(group=Group.WRITING, effect=Effect.NEXT_RUN)
_SCHEDULE = About(group=Group.SCHEDULE, effect=Effect.AT_ONCE)
_PAGES = About(group=Group.PAGES, effect=Effect.RESTART)
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Preferences(BaseModel):
    """All of them, as they are to be used."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, extra="ignore")

    plex_libraries: Annotated[tuple[str, ...], _PLEX] = ()
    """Titles of the music libraries that are taken care of, one a line; none takes every music library of the server.
    Songs of another library are left alone: not read, analysed, classified, learned from, planned or written, and not
    marked as removed. They are shown as "Not chosen", and go on as they were once their library is chosen again. What
    was written to them can be rolled back all the same."""
    path_mappings: Annotated[tuple[str, ...], _ANALYSIS] = ()
    """Where Plex's folders are on the machine of the features service, one FROM=TO a line: /data/music=/mnt/music.
    The longest FROM that fits a file's path is replaced."""
    excerpt: Annotated[Literal["middle", "first", "whole"], _NEXT_EXTRACTION] = "middle"
    """Which part of a song is analysed: its middle 30 seconds, its first 30, or all of it (slow). After a change the
    songs are analysed anew (`reclass extract`) and the model learns from that (`reclass train`)."""
    concurrency: Annotated[int, Field(ge=0, le=64), _ANALYSIS] = 0
    """Songs that one worker has analysed at the same time; 0: as many as the features service analyses at once."""
    batch_size: Annotated[int, Field(ge=1, le=512), _ANALYSIS] = 32
    """Songs that are sent to inference together, and windows of audio in one call of an embedding's model."""
    device: Annotated[Literal["auto", "cuda", "cpu"], _ANALYSIS] = "auto"
    """Where embeddings are computed: on the GPU where there is one (auto), on the GPU or not at all (cuda), or on
    processors (cpu). The FMA values need no GPU."""
    gpu_memory_share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False), _ANALYSIS] = 0.8
    """Share of the GPU's memory that embeddings may use."""
    stage_1_confidence: Annotated[_Share, _DECIDING] = 0.8
    """Confidence from which the first stage decides, and no later one is asked."""
    stage_2_confidence: Annotated[_Share, _DECIDING] = 0.7
    """Confidence from which the second stage decides, and no later one is asked. The last stage's word stands whatever
    its confidence."""
    stage_3_confidence: Annotated[_Share, _DECIDING] = 0.7
    """Confidence from which the third stage decides, where there is a fourth."""
    stages: Annotated[int, Field(ge=1, le=9), _DECIDING] = 9
    """How many stages of the voting are used at most: 1 uses FMA's values alone, each further one adds an embedding, in
    the order of the page Embeddings, where each is switched on or off."""
    predictions: Annotated[int, Field(ge=1, le=50), _DECIDING] = 5
    """Genres that are kept of each stage's verdict, best first."""
    evidence_tags: Annotated[bool, _KNOWN] = True
    """Take a song's own tags into account when its genre is decided. Without them corrections look surer than they
    are."""
    evidence_albums: Annotated[bool, _KNOWN] = True
    """Take the sound of the other songs of its album into account. Switched off, its artist's other albums are left out
    too, whatever the next setting says: they speak through it."""
    evidence_artists: Annotated[bool, _KNOWN] = True
    """Take the sound of its artist's other albums into account, where that of its album is."""
    write_confidence: Annotated[_Share, _WRITING] = 0.7
    """Confidence from which a dry run takes the AI's genre. A person's word is always taken."""
    write_fills: Annotated[bool, _WRITING] = True
    """Write the genre to songs that have no tag that counts (fills)."""
    write_corrections: Annotated[bool, _WRITING] = True
    """Write the genre over tags that stand for another one (corrections)."""
    write_translations: Annotated[bool, _WRITING] = False
    """Write tags that stand for a genre as the genre is spelled (translations): "Hip-Hop/Rap" becomes "Rap". It needs
    no evidence, and leaves all other tags as they are."""
    sync_automatically: Annotated[bool, _SCHEDULE] = True
    """Read the library from Plex again when it is due."""
    sync_every_hours: Annotated[float, Field(ge=0.25, le=24 * 90, allow_inf_nan=False), _SCHEDULE] = 24
    """Hours between two automatic syncs; one that fell due while the system was down is made up for."""
    classify_automatically: Annotated[bool, _SCHEDULE] = True
    """Classify the songs that a sync has found new; only analyse them, while no model is trained."""
    fill_automatically: Annotated[Literal["auto", "always", "never"], _SCHEDULE] = "auto"
    """Fill in, while nothing else is to be done, the vectors of embeddings that songs lack, so that songs can be
    compared by them: where a night of eight hours suffices (auto), however long it takes (always), or not at all
    (never). Any other run ends it, and it goes on later."""
    write_automatically: Annotated[bool, _SCHEDULE] = False
    """Write the genres of new songs to Plex after they were classified automatically. It can be switched on once a
    write batch has been applied by hand."""
    web_host: Annotated[str, Field(min_length=1, max_length=255), _PAGES] = "127.0.0.1"
    """Address that the pages listen on; 0.0.0.0 lets other machines in."""
    web_port: Annotated[int, Field(ge=1, le=65535), _PAGES] = 8000
    """Port of the pages."""
    debug: Annotated[bool, _PAGES] = False
    """Show tracebacks in the browser. Never where others reach the pages."""

    @field_validator("plex_libraries", "path_mappings", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        parts = re.split(r"[,\n]", value) if isinstance(value, str) else value
        if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
            return value
        return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))

    @field_validator("path_mappings")
    @classmethod
    def _are_mappings(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for mapping in value:
            before, _, after = mapping.rpartition("=")
            if not before or not after.startswith("/"):
                raise ValueError(f"“{mapping}” is not FROM=TO with an absolute folder as TO")
        return value

    @field_validator("web_host")
    @classmethod
    def _is_a_host(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9.:_-]+", value):
            raise ValueError("it must be an address or a name of this machine, without a port")
        return value


DEFAULTS = Preferences()


def about(name: str) -> About:
    """Group and effect of a setting."""
    return next(one for one in Preferences.model_fields[name].metadata if isinstance(one, About))


def allowed(name: str) -> str:
    """Which values a setting takes, in words."""
    schema = Preferences.model_json_schema()["properties"][name]
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if schema["type"] == "boolean":
        return "on, off"
    if schema["type"] == "array":
        return "FROM=TO, one a line" if name == "path_mappings" else "titles, one a line"
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    if least is None:
        return "a host name or an IP address"
    above = "above " if "exclusiveMinimum" in schema else ""
    return f"{above}{least:g} to {schema['maximum']:g}"


def refusal(name: str, error: ValidationError) -> str:
    """Why a value of a setting is refused, in pydantic's words, and what is allowed: the end of a sentence."""
    fault = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{fault}. Allowed: {allowed(name)}."


def validated(name: str, value: Any) -> Any:
    """The value as the setting has it; a pydantic `ValidationError` when it cannot be."""
    return getattr(Preferences.model_validate({name: value}), name)
