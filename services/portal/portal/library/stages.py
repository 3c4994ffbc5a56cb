"""The stages of the extraction: which vectors can be made here, which songs have them, and which lack them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from django.db.models import Count, Exists, OuterRef, Q

from portal.library.embeddings import enabled_kinds, switched_off
from portal.library.models import Analysis, Track, Vector
from portal.library.presence import present
from portal.remote.audio import FMA_NATIVE
from portal.remote.features import Capability
from portal.remote.inference import Stage

ADDITIONAL_KINDS = (FMA_NATIVE,)
"""Those that are made only where a model in service uses them, or somebody asks for them by name."""
ALL = "all"
TRIAL_WARNING = "trial weights: verdicts mean nothing"


@dataclass(frozen=True, kw_only=True)
class Stages:
    """What an extraction is to make."""

    versions: Mapping[str, str]
    """The present version of each kind that is wanted and can be made."""
    not_installed: Mapping[str, str]
    """The kinds that cannot be made, with what to do."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Where each kind that can be made is computed."""
    away: Mapping[str, str] = field(default_factory=dict)
    """The last version of each kind that was made here before and cannot be at the moment."""


@dataclass(frozen=True, kw_only=True)
class StageCount:
    """How many of the songs that are in Plex have a stage's vector of the present version."""

    done: int
    failed: int
    """It was tried; it will be again."""
    skipped: int
    """The song cannot be analysed as it is."""
    pending: int


def training_kinds(*, public: bool = False) -> tuple[str, ...]:
    """The kinds that a training learns from, in the order of stages; with a public table, which has no values of an
    excerpt, those of whole songs."""
    first, *embeddings = enabled_kinds()
    return FMA_NATIVE if public else first, *embeddings


def leading_stages(stages: Iterable[Stage]) -> int:
    """How many stages of a model can be asked: those before the first that needs a kind that is switched off."""
    off = switched_off()
    in_order = sorted(stages, key=lambda stage: stage.stage)
    return sum(1 for _ in takewhile(lambda stage: off.isdisjoint(stage.kinds), in_order))


def stages_of(capabilities: Iterable[Capability], kinds: Sequence[str]) -> Stages:
    """These kinds, as the features service says of them."""
    found = {each.kind: each for each in capabilities}
    made = {kind: found[kind] for kind in kinds if kind in found and found[kind].available}
    return Stages(
        versions={kind: each.version for kind, each in made.items()},
        not_installed={
            kind: found[kind].detail if kind in found else "the features service does not know it"
            for kind in kinds
            if kind not in made
        },
        where={kind: each.detail for kind, each in made.items()},
        away={
            kind: found[kind].version
            for kind in kinds
            if kind in found and kind not in made and found[kind].version
        },
    )


def additional_kinds(serving: Iterable[Stage]) -> dict[str, str]:
    """The kinds that are made in addition to the usual ones, because a model in service has learned from them."""
    return {
        kind: learned
        for stage in serving
        for kind, learned in stage.learned_versions.items()
        if kind in ADDITIONAL_KINDS
    }


def chosen(capabilities: Iterable[Capability], asked: Sequence[str], serving: Iterable[Stage] = ()) -> Stages:
    """The kinds that were asked for; nothing asked is what is switched on and installed, and what `serving` uses."""
    voting = (*enabled_kinds(), *additional_kinds(serving))
    kinds = dict.fromkeys((*voting, *(kind for kind in asked if kind != ALL)))
    stages = stages_of(capabilities, tuple(kinds))
    if ALL in asked:
        return stages
    return replace(
        stages,
        versions={kind: made for kind, made in stages.versions.items() if kind in (asked or voting)},
        not_installed={kind: why for kind, why in stages.not_installed.items() if kind in asked},
    )


def lacking(versions: Mapping[str, str]) -> Q:
    """Songs that lack one of these vectors, or whose file is another than the one that was analysed."""
    condition = Q(analysis=Analysis.PENDING)
    for kind, version in versions.items():
        condition |= ~_has(kind, version)
    return condition


def count_stages(versions: Mapping[str, str]) -> dict[str, StageCount]:
    """Each of these kinds, counted."""
    return {kind: _count(kind, version) for kind, version in versions.items()}


def kinds_lacked(tracks: Iterable[Track], versions: Mapping[str, str]) -> dict[int, tuple[str, ...]]:
    """Which of these vectors each song lacks; every one where its file is another than the one that was analysed."""
    songs = list(tracks)
    audio_ids = {song.audio_id for song in songs if song.audio_id}
    made = set(Vector.objects.filter(audio__in=audio_ids).values_list("audio_id", "kind", "version"))
    return {
        song.pk: tuple(
            kind
            for kind, version in versions.items()
            if song.analysis == Analysis.PENDING or (song.audio_id, kind, version) not in made
        )
        for song in songs
    }


def _has(kind: str, version: str) -> Q:
    return Q(Exists(Vector.objects.filter(audio=OuterRef("audio"), kind=kind, version=version)))


def _count(kind: str, version: str) -> StageCount:
    songs = Track.objects.filter(present()).order_by()
    counted = Counter[str]()
    # Grouped by what is asked, so that the vector of each song is looked for once.
    groups = songs.annotate(made=_has(kind, version), tried=Q(attempts__gt=0)).values_list(
        "analysis", "made", "tried"
    )
    for analysis, made, tried, number in groups.annotate(Count("pk")):
        counted[_stage_state(analysis, made=made, tried=tried)] += number
    return StageCount(**{name: counted[name] for name in ("done", "failed", "skipped", "pending")})


def _stage_state(analysis: str, *, made: bool, tried: bool) -> str:
    if made and analysis != Analysis.PENDING:
        return "done"
    if analysis == Analysis.SKIPPED:
        return "skipped"
    return "failed" if analysis == Analysis.FAILED or tried else "pending"
