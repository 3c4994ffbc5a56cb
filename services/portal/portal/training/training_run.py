"""The train run: inference learns from the labelled songs, and what it says of them out of fold is kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import connection, transaction

from portal.library.stages import STAGES, WITH_PUBLIC, stages_of
from portal.preferences.current import preferences
from portal.public.fma_layout import VERSION
from portal.public.songs import KIND, public_songs, songs_by_genre
from portal.remote.inference import IF_BETTER, NEVER, OutOfFold, Progress, Report, TrainingSong
from portal.runs.models import Run
from portal.runs.work import Outcome, RunFailedError, RunJob
from portal.teaching.members import read_again
from portal.training.dataset import Corpus, survey, training_songs
from portal.verdicts.oof_predictions import waiting_room
from portal.verdicts.predictions import genres_by_name
from portal.verdicts.pruning import prune_predictions

SEED = 20200821
OF_TRIALS = "It has learned from vectors that random weights made: what these say means nothing."


class Training:
    """Arguments: `promotion`, when the new model is put into service, and `public`, whether public tables are learned
    from too. One call, with no songs of its own to count."""

    songs_at_once = None

    def lay_out(self, job: RunJob) -> Iterable[int]:
        """Learn. A crash on the way leaves everything as it was: the whole is stored at once."""
        unread = read_again(job.services.sync)
        public = bool(job.run.arguments.get("public"))
        stages = stages_of(
            job.services.features.capabilities(preferences()).kinds, WITH_PUBLIC if public else STAGES
        )
        # What was heard by a model that is away at the moment can be learned from all the same.
        versions = {**stages.away, **stages.versions}
        corpus = survey(versions)
        if public:
            check_public(versions)
        elif not corpus.usable:
            raise RunFailedError(_nothing_to_learn_from(corpus))
        report: dict[str, Any] = {}
        with waiting_room(genres_by_name()) as said:
            promotion = job.run.arguments.get("promotion", IF_BETTER)
            songs = _closing(_songs(versions, public=public))
            for event in job.services.inference.train(songs, preferences(), seed=SEED, promotion=promotion):
                if isinstance(event, Progress):
                    job.report(event.step, event.fraction)
                elif isinstance(event, OutOfFold):
                    said.take(event)
                elif isinstance(event, Report):
                    report = event.content
            kept = {head for each in job.services.models.all() for head in each.heads}
            serves = in_service(report)
            with transaction.atomic():
                if serves:  # what a candidate said is stored when it is put into service
                    said.store()
                    prune_predictions(kept)
                heads = [stage["model_version"] for stage in report["stages"]]
                job.run.result = report | {
                    "suspect_count": said.suspects,
                    "unread_sets": unread,
                    "in_service": serves,
                    "heads": heads,
                }
                job.run.save(update_fields=("result",))
        return ()

    def work(self, job: RunJob, track_ids: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """There are no songs to work on."""
        yield from ()

    def conclude(self, run: Run) -> str:
        """The outcome in a sentence."""
        stages = run.result.get("stages", ())
        if not stages:
            return ""
        skipped = ", ".join(each["genre"] for each in run.result.get("skipped_genres", ()))
        left_out = f" Too few songs or artists to learn: {skipped}." if skipped else ""
        unread = "".join(f" {each.rstrip('.')}." for each in run.result.get("unread_sets", ()))
        by_trials = (run.result.get("model") or {}).get("random_weights")
        trial = (
            " It has learned from vectors that random weights made: what these say means nothing."
            if by_trials
            else ""
        )
        name = name_of(run.result)
        serves = run.result.get("in_service", True)
        standing = f" {name} is in service." if serves else f" {candidate_sentence(run)}"
        return (
            f"{name} has learned {len(run.result['genres'])} genres from "
            f"{run.result['song_count']:,} songs; {right_of(run.result)} on artists it never heard."
            f"{left_out}{unread}{trial}{standing}"
        )

    def abandon(self, run: Run) -> None:
        """The model in service stays."""


def check_public(versions: Mapping[str, str]) -> None:
    """Raise `RunFailedError` where there is no public table, or where the owner's songs would be of another make."""
    made = versions.get(KIND, VERSION)
    if made != VERSION:
        raise RunFailedError(
            f"The public table is of the make {VERSION}, and features makes {made}: a model of the one could judge "
            "nothing of the other. Train without `--public-table`."
        )
    if not songs_by_genre():
        raise RunFailedError(
            "No song of a public table has a genre of ours: run `reclass import-fma DIR` first."
        )


def _songs(versions: Mapping[str, str], *, public: bool) -> Iterator[TrainingSong]:
    yield from training_songs(versions)
    if public:
        yield from public_songs(VERSION)


def in_service(report: Mapping[str, Any]) -> bool:
    """Whether the training's model answers."""
    model = report.get("model")
    return model is None or model["state"] == "MODEL_STATE_IN_SERVICE"


def name_of(result: Mapping[str, Any]) -> str:
    """The model that a training made."""
    return str(result["model"]["name"] if result.get("model") else result["stages"][-1]["model_version"])


def right_of(result: Mapping[str, Any]) -> str:
    """How many of the held-out songs all stages together get right, and how sure that is."""
    vote = result.get("cascade")
    if not vote or not vote["songs"]:
        return f"{result['stages'][-1]['held_out_accuracy']:.0%} right"
    between = f"95 %: {100 * vote['accuracy_low']:.0f} to {100 * vote['accuracy_high']:.0f} %"
    return f"{vote['accuracy']:.0%} of {vote['songs']:,} songs right ({between})"


def candidate_sentence(run: Run) -> str:
    """That the model of a training does not answer, why, and how to change that."""
    model = run.result["model"]
    why = "that was asked for."
    if run.arguments.get("promotion") != NEVER and model["comparison"]:
        why = model["comparison"]["verdict"]
    return (
        f"It is a candidate, not put into service: {why} "
        f"To put it there all the same: `reclass models promote {model['name']}`."
    )


def _closing(songs: Iterator[TrainingSong]) -> Iterator[TrainingSong]:
    """The songs; gRPC reads them in a thread of its own, whose connection to the database nobody else would close."""
    try:
        yield from songs
    finally:
        connection.close()


def _nothing_to_learn_from(corpus: Corpus) -> str:
    if not corpus.heard:
        return "No song has been heard as it is set now: run `reclass sync` and `reclass extract` first."
    if not corpus.labelled:
        return (
            f"{corpus.heard} songs were heard and none has a genre tag that is known: add aliases for your tags in "
            "the admin, or set genres by hand."
        )
    return (
        f"{corpus.labelled} songs have a known genre and none of them was heard: run `reclass extract` first."
    )
