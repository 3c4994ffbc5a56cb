"""Opens some files of the library as a run would, and says which mapping would bring those that are not mounted."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from runtime.errors import RemoteError

from portal.commands.doctor.findings import UnwellError
from portal.extraction.concurrency import AtOnce
from portal.extraction.extraction_run import source_of
from portal.extraction.failures import OF_THE_SONG
from portal.library.models import Track
from portal.library.presence import present
from portal.preferences.current import preferences
from portal.preferences.values import Preferences
from portal.remote.audio import AudioSource
from portal.remote.services import Services

FILES = 10
IN_SETTINGS = "the setting path_mappings"
IN_ENVIRONMENT = "FEATURES_PATH_MAP of the features service, RECLASS_PATH_MAP of reclass up"
NOT_MOUNTED = frozenset({"PATH_NOT_MOUNTED", "OUTSIDE_MEDIA_FOLDERS", "AUDIO_NOT_FOUND"})
_MAPPING = re.compile(r"the path mapping (.+?=.+?) would fit")


@dataclass(frozen=True, kw_only=True)
class Opened:
    """How it went with one file."""

    track: Track
    mounted: bool = False
    streamed: bool = False
    of_the_song: bool = False
    """The file was read, and the song itself cannot be analysed."""
    not_mounted: str = ""
    """Why it is not read where it is mounted, where something is mounted."""
    failure: str = ""


def files(services: Services) -> str:
    """Ten files, spread over the library: each where it is mounted, else through Plex."""
    tracks = _spread()
    if not tracks:
        raise UnwellError("no song with a file is known yet: run `reclass sync`")
    settings = preferences()
    found = services.features.capabilities(settings)
    extractions = AtOnce(
        lambda track: _open(services, track, settings, mounted=bool(found.media_folders)),
        tracks,
        count=found.processes,
    )
    opened = [future.result() for _, future in extractions]
    list(extractions.rest())
    place = IN_ENVIRONMENT if found.path_mappings_locked else IN_SETTINGS
    troubles = _troubles(opened, place)
    if troubles:
        raise UnwellError("; ".join(troubles))
    return _well(opened)


def _spread() -> list[Track]:
    tracks = Track.objects.filter(present()).exclude(file="").select_related("audio").order_by("pk")
    count = tracks.count()
    places = sorted({round(i * (count - 1) / max(FILES - 1, 1)) for i in range(min(FILES, count))})
    return [tracks[place] for place in places]


def _open(services: Services, track: Track, settings: Preferences, *, mounted: bool) -> Opened:
    # With its key known nothing is decoded: opening and reading is what is tried.
    keys = (track.audio.content_key,) if track.audio else ()

    def fault(source: AudioSource) -> RemoteError | None:
        try:
            services.features.extract(source, known_keys=keys, settings=settings)
        except RemoteError as error:
            return error
        return None

    not_mounted = ""
    if mounted:
        found = fault(replace(source_of(track), rating_key=""))
        if found is None or found.reason in OF_THE_SONG:
            return Opened(track=track, mounted=True, of_the_song=found is not None)
        if found.reason not in NOT_MOUNTED:
            return Opened(track=track, failure=found.message)
        not_mounted = found.message
    found = fault(source_of(track))
    if found is None or found.reason in OF_THE_SONG:
        return Opened(track=track, streamed=True, of_the_song=found is not None, not_mounted=not_mounted)
    return Opened(track=track, not_mounted=not_mounted, failure=found.message)


def _troubles(opened: Sequence[Opened], place: str) -> list[str]:
    said = []
    for remedy, them in _by_remedy(opened, place).items():
        lost = sum(bool(each.failure) for each in them)
        end = (
            f"{lost} of them cannot be read at all"
            if lost
            else "until then they are read through Plex, which takes longer"
        )
        said.append(
            f"{len(them)} of {len(opened)} files are not read where they are mounted: {remedy}; {end}"
        )
    others = [each for each in opened if each.failure and not each.not_mounted]
    if others:
        said.append(
            f"{len(others)} of {len(opened)} files cannot be read, for example “{others[0].track}”: {others[0].failure}"
        )
    return said


def _by_remedy(opened: Sequence[Opened], place: str) -> Mapping[str, list[Opened]]:
    groups: Mapping[str, list[Opened]] = defaultdict(list)
    for each in opened:
        if each.not_mounted:
            mapping = _MAPPING.search(each.not_mounted)
            groups[mapping[1] if mapping else ""].append(each)
    return {_remedy(mapping, them[0], place): them for mapping, them in groups.items()}


def _remedy(mapping: str, example: Opened, place: str) -> str:
    if mapping:
        return f"the path mapping {mapping} would fix that ({place}); for example {example.track.file}"
    return example.not_mounted


def _well(opened: Sequence[Opened]) -> str:
    mounted = sum(each.mounted for each in opened)
    streamed = sum(each.streamed for each in opened)
    parts = [
        f"{count} {words}"
        for count, words in ((mounted, "where they are mounted"), (streamed, "through Plex"))
        if count
    ]
    unreadable = sum(each.of_the_song for each in opened)
    but = f"; {unreadable} of them cannot be analysed, as their songs' pages say" if unreadable else ""
    return f"{len(opened)} opened: {', '.join(parts)}{but}"
