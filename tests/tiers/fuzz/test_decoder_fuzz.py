"""2,000 broken files of every codec through the running service: `make test-fuzz`."""

import json
from collections.abc import Callable
from pathlib import Path

from features_process import features_process
from fuzzing import Footprint, assert_unharmed, throw
from mutated_files import mutated, sources

FILES = 2_000
PROCESSES = 2


def test_two_thousand_broken_files_harm_nothing(tmp_path: Path, say: Callable[[object], None]) -> None:
    originals, library = tmp_path / "originals", tmp_path / "library"
    originals.mkdir()
    library.mkdir()
    files = sources(originals)
    song = library / "song.flac"
    song.write_bytes(dict(files)["a.flac"])
    limits = {"processes": PROCESSES, "time_limit_seconds": 20}
    with features_process(library, tmp_path / "stderr", **limits) as service:
        before = Footprint(service, song, PROCESSES)
        outcomes = throw(service, library, mutated(files, FILES))
        say(json.dumps(dict(outcomes.most_common())))
        assert outcomes.total() == FILES
        assert_unharmed(service, song, before, PROCESSES)
        assert not outcomes["TIMED_OUT"]
