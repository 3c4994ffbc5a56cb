"""Which stages a training makes: the first, and one more for each embedding that enough songs have vectors of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inference.classify.stages import FIRST_STAGE, Stage, VectorKind
from inference.errors import TooFewGenresError, TooFewSongsError
from inference.training.corpus import Corpus
from inference.training.dataset_files import FeatureVersion
from inference.training.labels import SkippedEmbedding, TrainableGenres, trainable_genres
from inference.training.options import MOST_EMBEDDINGS, TrainingOptions

Versions = tuple[FeatureVersion, ...]


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """What is learned, and from which vectors."""

    stages: Mapping[Stage, Versions]
    """In their order, with the feature versions to learn from."""
    skipped: tuple[SkippedEmbedding, ...]


def plan_stages(corpus: Corpus, options: TrainingOptions) -> StagePlan:
    """A stage for each leading part of the order that enough songs have all vectors of.

    An embedding for which there are too few is left out, and the next one is joined to those before it. Raises
    TooFewSongsError, TooFewGenresError where not even the first stage can be learned.
    """
    first = corpus.feature_versions(FIRST_STAGE)
    if first is None:
        raise TooFewSongsError("no song came with an FMA vector; extract the songs first, then train")
    genres = genres_of(corpus, first, options).codes
    stage, stages, skipped = FIRST_STAGE, {FIRST_STAGE: first}, []
    for kind in order_of(corpus, options):
        joined = stage.joined_by(kind)
        versions = corpus.feature_versions(joined)
        reason = why_left_out(corpus, versions, genres, options)
        if not reason and len(stages) > MOST_EMBEDDINGS:
            reason = f"a training adds at most {MOST_EMBEDDINGS} embeddings"
        if reason or versions is None:
            skipped.append(SkippedEmbedding(kind=kind, reason=reason))
        else:
            stage = joined
            stages[stage] = versions
    return StagePlan(stages=stages, skipped=tuple(skipped))


def order_of(corpus: Corpus, options: TrainingOptions) -> list[VectorKind]:
    """The embeddings in the order in which they are added."""
    if not options.others_too:
        return list(options.embeddings)
    there = corpus.embeddings
    known = [kind for kind in options.embeddings if kind in there]
    return known + [kind for kind in there if kind not in known]


def why_left_out(
    corpus: Corpus, versions: Versions | None, genres: Sequence[int], options: TrainingOptions
) -> str:
    """Why a later stage cannot be learned from these vectors; empty where it can: it must know all genres."""
    if versions is None:
        return "no song has a vector of it"
    try:
        known = genres_of(corpus, versions, options).codes
    except (TooFewSongsError, TooFewGenresError) as error:
        return f"too few songs have all vectors of such a stage: {error}"
    unknown = ", ".join(corpus.genres[code] for code in genres if code not in known)
    return f"too few songs of {unknown} have all vectors of such a stage" if unknown else ""


def genres_of(corpus: Corpus, versions: Versions, options: TrainingOptions) -> TrainableGenres:
    """Which genres can be learned from songs that have these vectors; raises TooFewSongsError, TooFewGenresError."""
    rows = corpus.rows_of(versions)
    return trainable_genres(
        corpus.multi_hot[rows],
        corpus.groups[rows],
        corpus.genres,
        min_songs_per_genre=options.min_songs_per_genre,
    )
