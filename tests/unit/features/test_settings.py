"""Settings of the service: what is understood and what is refused."""

from pathlib import Path

import pytest
from features.settings import FeatureSettings
from features.source.file_lookup import PathMapping


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> FeatureSettings:
    for name, value in variables.items():
        monkeypatch.setenv(f"FEATURES_{name}", value)
    return FeatureSettings.load()


@pytest.mark.parametrize("text", ["/music:/more", "/music,/more", " /music , /more ,", "/music\n/more\n"])
def test_media_folders_are_a_list(monkeypatch, text):
    assert settings(monkeypatch, MEDIA_FOLDERS=text).media_folders == (Path("/music"), Path("/more"))


def test_path_mappings_may_come_from_windows(monkeypatch):
    assert settings(monkeypatch, PATH_MAP="/data/a=b=/mnt/a,D:\\Music=/mnt/d").path_map == (
        PathMapping(from_prefix="/data/a=b", to_prefix="/mnt/a"),
        PathMapping(from_prefix="D:\\Music", to_prefix="/mnt/d"),
    )


def test_without_variables_only_bytes_are_taken_on_the_usual_port(monkeypatch):
    defaults = settings(monkeypatch)
    assert (defaults.port, defaults.media_folders, defaults.path_map) == (50052, (), ())
    assert defaults.processes >= 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MEDIA_FOLDERS", "music"),
        ("PATH_MAP", "/data/music"),
        ("PATH_MAP", "/data=music"),
        ("PROCESSES", "0"),
        ("TIME_LIMIT_SECONDS", "soon"),
    ],
)
def test_nonsense_is_refused_by_name(monkeypatch, capsys, name, value):
    with pytest.raises(SystemExit) as stopped:
        settings(monkeypatch, **{name: value})
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert f"FEATURES_{name}" in said
    assert value in said
