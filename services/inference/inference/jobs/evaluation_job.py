"""One evaluation on a given split, from the songs of a caller to the report; it leaves nothing behind."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.jobs.worker_process import (
    EVALUATION_FILE,
    PARTS_FILE,
    Progress,
    WorkerProcess,
)
from inference.registry.model_files import PictureFile, pictures_among
from inference.registry.records import HeadRecord, record_from_json
from inference.training.dataset import SplitPart
from inference.training.dataset_files import CorpusWriter


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """How good our heads are on the split."""

    record: HeadRecord
    songs: tuple[int, ...]
    """Number in the training, validation and test part."""
    pictures: tuple[PictureFile, ...]


class EvaluationJob:
    """One evaluation. Songs go into `corpus`, each with its part; `run` does the rest."""

    def __init__(self, *, folder: Path, threads: int) -> None:
        self.corpus = CorpusWriter(folder, unite_copies=False)
        self.parts = array("b")
        """A SplitPart for each song of the corpus."""
        self._folder = folder
        self._process = WorkerProcess("inference.jobs.evaluation_worker", folder, threads)

    def cancel(self) -> None:
        """End it. May be called from another thread."""
        self._process.cancel()

    def run(self, *, seed: int, title: str) -> Iterator[Progress | EvaluationReport]:
        """Train and evaluate in a process of its own; the report comes last. Raises what `WorkerProcess.run` does."""
        self.corpus.finish()
        parts = np.asarray(self.parts, dtype=np.int8)
        np.save(self._folder / PARTS_FILE, parts)
        yield from self._process.run({"seed": seed, "title": title})
        yield EvaluationReport(
            record=record_from_json((self._folder / EVALUATION_FILE).read_bytes()),
            songs=tuple(int((parts == part).sum()) for part in SplitPart),
            pictures=tuple(pictures_among({path.name: path for path in sorted(self._folder.iterdir())})),
        )
