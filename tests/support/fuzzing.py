"""Throws broken files at a running features service, and looks at what is left of it afterwards."""

import json
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from features.errors import FeatureError
from features_process import FeaturesProcess
from runtime.errors import RemoteError
from waiting import until
from wire import values_of

REASONS = {error.reason for error in FeatureError.__subclasses__()}
MAX_GROWTH_BYTES = 64 * 2**20
CALLERS = 4


def throw(service: FeaturesProcess, folder: Path, files: Iterable[tuple[str, bytes]]) -> Counter[str]:
    """Extract each file; how many came to what: "extracted", or a reason. What is no answer of ours fails at once."""

    def extract(file: tuple[str, bytes]) -> str:
        path = folder / file[0]
        path.write_bytes(file[1])
        answer = service.extract(path)
        if isinstance(answer, RemoteError):
            assert answer.reason in REASONS, f"{path.name}: {answer.reason} {answer.message}"
            assert answer.message, path.name
            outcome = answer.reason
        else:
            assert np.isfinite(values_of(answer.vectors[0])).all(), path.name
            assert len(values_of(answer.vectors[0])) == 518, path.name
            outcome = "extracted"
        path.unlink()
        return outcome

    with ThreadPoolExecutor(CALLERS) as callers:
        return Counter(callers.map(extract, files))


def assert_unharmed(service: FeaturesProcess, song: Path, before: "Footprint", processes: int) -> None:
    """The service is as it was, its pool is whole, and its log has nothing in it that is not ours."""
    assert service.is_serving()
    for _ in range(2 * processes):
        assert not isinstance(service.extract(song), RemoteError)
    until(lambda: len(service.workers()) == processes)
    until(lambda: service.process.num_fds() <= before.files)
    assert service.process.memory_info().rss <= before.rss_bytes + MAX_GROWTH_BYTES
    assert all(worker.memory_info().rss < 2**30 for worker in service.workers())
    # What a process has open at rest: no sound file is among it.
    for worker in service.workers():
        assert not [file.path for file in worker.open_files() if Path(file.path).parent == song.parent]
        assert worker.num_fds() <= before.files_of_a_worker + 2
    for line in service.log.read_text().splitlines():
        assert json.loads(line)["service"] == "features"


class Footprint:
    """What a service takes, measured after a song in each of its processes."""

    def __init__(self, service: FeaturesProcess, song: Path, processes: int) -> None:
        with ThreadPoolExecutor(CALLERS) as callers:
            for answer in callers.map(service.extract, [song] * 4 * processes):
                assert not isinstance(answer, RemoteError), answer
        self.files = service.process.num_fds()
        self.rss_bytes = service.process.memory_info().rss
        self.files_of_a_worker = max(worker.num_fds() for worker in service.workers())
