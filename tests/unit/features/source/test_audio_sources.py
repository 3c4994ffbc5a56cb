"""The bytes of a song that is not mounted, on a disk that is full."""

import pytest
from features.errors import DiskFullError
from features.source.audio_sources import AudioReference, AudioSources
from features.source.download import Downloads
from features.source.file_lookup import MediaFolders
from small_files import files_of_at_most

SOURCES = AudioSources(MediaFolders(folders=()), Downloads(None, max_bytes=10, timeout_seconds=1))


@pytest.mark.parametrize("size", [5000, 5_000_000])
def test_bytes_for_which_there_is_no_room_are_no_fault_of_the_service(size: int) -> None:
    """It would end the stream, and all other songs that are in it."""
    with files_of_at_most(1000), pytest.raises(DiskFullError, match=r"free space there") as caught:
        list(SOURCES.paths(AudioReference(content=bytes(size)), ()))
    assert not caught.value.permanent
    assert len(list(SOURCES.paths(AudioReference(content=bytes(size)), ()))) == 1
