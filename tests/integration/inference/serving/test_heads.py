"""Heads of every kind in the real Triton: they compute there what they compute here."""

from pathlib import Path

import numpy as np
import pytest
from head_records import RECORD
from inference.classify.stages import FIRST_STAGE
from inference.registry.store import ModelStore
from inference.registry.version_files import write_head
from inference.settings import TEMPLATES_IN_CLONE
from inference.training.dataset import single_label_dataset
from inference.training.fitting import DISCRIMINANT, LOGISTIC, MLP_ENSEMBLE, RADIAL_BASIS, Recipe, fit_head
from inference.training.head import Head
from inference_system import System, fma
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2 as messages
from runtime.triton import Triton
from synthetic_library import SyntheticLibrary
from triton_server import TritonServer
from wire import packed

STAGE = FIRST_STAGE
RECIPES = {
    "discriminant": Recipe(algorithm=DISCRIMINANT, shrinkage=0.3),
    "radial basis": Recipe(algorithm=RADIAL_BASIS, gamma=1.0, strength=10.0),
    "regression": Recipe(algorithm=LOGISTIC, strength=0.01),
    "perceptrons": Recipe(algorithm=MLP_ENSEMBLE, epochs=3),
}


def head_of(library: SyntheticLibrary, recipe: Recipe) -> Head:
    songs = single_label_dataset(library.vectors, library.labels, library.artists, library.genres)
    return fit_head(songs, recipe, seed=0, with_ood_distance=True)


@pytest.mark.parametrize("kind", RECIPES)
def test_triton_computes_logits_and_distances_as_they_are_here(
    triton: TritonServer, library: SyntheticLibrary, tmp_path: Path, kind: str
) -> None:
    head = head_of(library, RECIPES[kind])
    answer = serve(triton, tmp_path, head).infer(
        STAGE.model, {"vectors": library.vectors}, ["logits", "distance"], version="1"
    )
    # float32 sums in another order.
    assert answer["logits"] == pytest.approx(head.logits(library.vectors), abs=1e-3)
    assert answer["distance"][:, 0] == pytest.approx(head.distances(library.vectors), rel=1e-3)


def serve(triton: TritonServer, folder: Path, head: Head) -> Triton:
    trained = folder / "trained"
    trained.mkdir()
    write_head(trained, head, RECORD)
    store = ModelStore(repository=triton.repository, templates=TEMPLATES_IN_CLONE)
    store.add({STAGE: trained}, [], None)
    store.configure(STAGE, [1])
    client = Triton(triton.target)
    client.load(STAGE.model)
    return client


def test_a_song_unlike_the_training_has_a_guess_that_nobody_decided(
    trained: System, library: SyntheticLibrary
) -> None:
    noise = np.random.default_rng(0).normal(size=518) * library.vectors.std(axis=0)
    unfamiliar = features_pb2.Vector(
        kind=features_pb2.VECTOR_KIND_FMA,
        version="test/1",
        values=packed(library.vectors.mean(axis=0) + 3 * noise),
    )
    answer = trained.classify(unfamiliar)
    assert answer.outcome == messages.OUTCOME_OUT_OF_DISTRIBUTION
    assert answer.genre == answer.verdicts[0].top[0].genre != ""
    assert not answer.verdicts[0].decided
    known = [trained.classify(fma(library, song)).outcome for song in range(20)]
    assert known.count(messages.OUTCOME_CLASSIFIED) >= 19


def test_the_report_has_every_figure(trained: System, library: SyntheticLibrary) -> None:
    report = trained.first_training[-1].report
    stage = report.stages[0]
    assert stage.held_out_accuracy_low <= stage.held_out_accuracy <= stage.held_out_accuracy_high
    assert stage.held_out_accuracy <= stage.top3_accuracy <= stage.top5_accuracy
    assert len(stage.confusion.counts) == len(stage.confusion.genres) ** 2
    assert sum(stage.confusion.counts) == stage.held_out_songs
    assert [candidate.selected for candidate in stage.candidates].count(True) == 1
    assert stage.calibration in ("temperature", "vector")
    assert stage.calibration_error_sampling > 0
    assert stage.noise.suspected_label_errors > 0
    assert stage.noise.accuracy_with > 0
    assert stage.noise.accuracy_without > 0
    assert stage.ood_threshold > 1
    assert 0 < stage.ood_rate < 0.05
    assert stage.coverage[0].coverage == 1
    assert stage.coverage[0].accuracy_low < stage.coverage[0].accuracy
    assert report.cascade.songs == stage.held_out_songs
    assert report.cascade.accuracy == stage.held_out_accuracy
    (decided,) = report.cascade.decided  # the rest, no stage is sure enough of
    assert 0 < decided <= 1
    assert list(report.cascade.proposed_thresholds) == [0.0]
    assert report.cascade.curve[0].escalation_rate == 0
