"""The train run: inference learns from the labelled songs, and what it says of them out of fold is kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.db import connection, transaction

from portal.library.embeddings import Words, kind_words, note_capabilities
from portal.library.models import Embedding
from portal.library.stages import stages_of, training_kinds
from portal.preferences.current import preferences
from portal.public.fma_layout import VERSION
from portal.public.songs import KIND, public_songs, songs_by_genre
from portal.registry.mirror import note_promotion, reconcile
from portal.registry.models import TrainedModel
from portal.remote.audio import FMA
from portal.remote.inference import IF_BETTER, NEVER, OutOfFold, Progress, TrainingSong
from portal.remote.messages import to_dict
from portal.remote.reports import TrainingReport
from portal.runs.models import Run
from portal.runs.work import RunFailedError, RunJob, Work
from portal.teaching.members import read_again
from portal.training.dataset import Corpus, survey, training_songs
from portal.verdicts.oof_predictions import WaitingRoom, waiting_room
from portal.verdicts.predictions import genres_by_name
from portal.verdicts.pruning import prune_predictions

SEED = 20200821
NOT_LEARNED_FROM = "not_learned_from"
BY_TRAINING = "its training"
OF_TRIALS = "It has learned from vectors that random weights made: what these say means nothing."


class Training(Work):
    """Arguments: `promotion`, when the new model is put into service, and `public`, whether public tables are learned
    from too. One call, with no songs of its own to count; broken off, it leaves the model in service."""

    def select_songs(self, job: RunJob) -> Iterable[int]:
        """Learn. A crash on the way leaves everything as it was: the whole is stored at once."""
        unread = read_again(job.services.sync)
        public = bool(job.run.arguments.get("public"))
        features = note_capabilities(job.services.features.capabilities(preferences()))
        stages = stages_of(features.kinds, training_kinds(public=public))
        # What was extracted by a model that is away at the moment can be learned from all the same.
        versions = {**stages.away, **stages.versions}
        without = not_learned_from(versions)
        corpus = survey(versions)
        if public:
            check_public(versions)
        elif not corpus.usable:
            raise RunFailedError(_nothing_to_learn_from(corpus))
        with waiting_room(genres_by_name()) as said:
            embeddings = [kind for kind in training_kinds()[1:] if kind in versions]
            report = self._learn(job, said, _closing(_songs(versions, public=public)), embeddings)
            reconcile(job.services.models)
            model = TrainedModel.objects.get(name=report.model.name)
            with transaction.atomic():
                if model.is_in_service:  # what a candidate said is stored when it is put into service
                    said.store()
                    prune_predictions()
                    note_promotion(model.name, BY_TRAINING)
                job.run.model = model
                job.run.result = {
                    "suspected_label_errors": said.suspected_label_errors,
                    "unread_sets": unread,
                    NOT_LEARNED_FROM: without,
                    "skipped_genres": [to_dict(each) for each in report.skipped_genres],
                }
                job.run.save(update_fields=("result", "model"))
        return ()

    def _learn(
        self, job: RunJob, said: WaitingRoom, songs: Iterator[TrainingSong], embeddings: Sequence[str]
    ) -> TrainingReport:
        promotion = job.run.arguments.get("promotion", IF_BETTER)
        for event in job.services.inference.train(
            songs, preferences(), seed=SEED, promotion=promotion, embeddings=embeddings
        ):
            if isinstance(event, Progress):
                job.report(event.step, event.fraction)
            elif isinstance(event, OutOfFold):
                said.take(event)
            else:
                return event
        raise RunFailedError("inference ended the training without a report: see its log, and train again.")

    def summarise(self, run: Run) -> str:
        """The outcome in a sentence."""
        model = run.model
        if model is None:
            return ""
        skipped = ", ".join(each["genre"] for each in run.result["skipped_genres"])
        left_out = f" Too few songs or artists to learn: {skipped}." if skipped else ""
        words = kind_words()
        without = "; ".join(f"{words((kind,))} ({why.rstrip('.')})" for kind, why in model.skipped_embeddings)
        left_out += f" Left out of the stages: {without}." if without else ""
        left_out += f" {sentence}" if (sentence := without_sentence(run, words)) else ""
        unread = "".join(f" {each.rstrip('.')}." for each in run.result["unread_sets"])
        trial = f" {OF_TRIALS}" if model.random_weights else ""
        outcome = f"{model.name} is in service." if model.is_in_service else candidate_sentence(run, model)
        return (
            f"{model.name} has learned {len(model.genres)} genres from {model.song_count:,} songs; "
            f"{right_of(model)} on artists that were not in training.{left_out}{unread}{trial} {outcome}"
        )


def not_learned_from(versions: Mapping[str, str]) -> dict[str, str]:
    """The embeddings that a training by these versions leaves out because of what the owner wants or has, with why.

    One that was never installed here is none of them.
    """
    made = Embedding.objects.exclude(kind=FMA).exclude(version="")
    return {
        row.kind: "not installed any more" if row.enabled else "switched off"
        for row in made
        if not row.enabled or row.kind not in versions
    }


def without_sentence(run: Run | None, words: Words) -> str:
    """Which embeddings a training has not learned from, and why; empty where it has from all."""
    without: Mapping[str, str] = run.result.get(NOT_LEARNED_FROM, {}) if run else {}
    said = ", ".join(f"{words((kind,))} ({why})" for kind, why in without.items())
    return f"Not learned from: {said}." if said else ""


def check_public(versions: Mapping[str, str]) -> None:
    """Raise `RunFailedError` where there is no public table, or the owner's songs would be of another version."""
    made = versions.get(KIND, VERSION)
    if made != VERSION:
        raise RunFailedError(
            f"The public table has features of the version {VERSION}, and features of the version {made} are "
            "extracted here: a model of the one could classify nothing of the other. Train without `--public-table`."
        )
    if not songs_by_genre():
        raise RunFailedError(
            "No song of a public table has a genre of ours: run `reclass import-fma DIR` first."
        )


def _songs(versions: Mapping[str, str], *, public: bool) -> Iterator[TrainingSong]:
    yield from training_songs(versions)
    if public:
        yield from public_songs(VERSION)


def right_of(model: TrainedModel) -> str:
    """How many of the held-out songs all stages together get right, and how sure that is."""
    if not model.held_out_songs:
        last = model.stages.last()
        return f"{last.held_out_accuracy if last else 0:.0%} right"
    low, high = model.held_out_accuracy_low or 0.0, model.held_out_accuracy_high or 0.0
    between = f"95 %: {100 * low:.0f} to {100 * high:.0f} %"
    return f"{model.held_out_accuracy or 0.0:.0%} of {model.held_out_songs:,} songs right ({between})"


def candidate_sentence(run: Run, model: TrainedModel) -> str:
    """That the model of a training does not answer, why, and how to change that."""
    why = "that was asked for."
    if run.arguments.get("promotion") != NEVER and model.comparison:
        why = model.comparison
    return (
        f"It is a candidate, not put into service: {why} "
        f"To put it there all the same: `reclass models promote {model.name}`."
    )


def _closing(songs: Iterator[TrainingSong]) -> Iterator[TrainingSong]:
    """The songs; gRPC reads them in a thread of its own, whose connection to the database nobody else would close."""
    try:
        yield from songs
    finally:
        connection.close()


def _nothing_to_learn_from(corpus: Corpus) -> str:
    if not corpus.extracted:
        return "No song has been analysed as it is set now: run `reclass sync` and `reclass extract` first."
    if not corpus.labelled:
        return (
            f"{corpus.extracted} songs were analysed and none has a genre tag that is known: add aliases for your tags "
            "in the admin, or set genres by hand."
        )
    return f"{corpus.labelled} songs have a known genre and none of them was analysed: run `reclass extract` first."
