"""The settings that people change, without a database: types, bounds, and what the environment holds."""

import pytest
from portal.preferences.environment import EnvironmentRefusedError, locks, variables
from portal.preferences.values import DEFAULTS, Effect, Group, Preferences, about, allowed, validated
from pydantic import ValidationError

# Every setting of the list in the issue that is not the Plex connection, which sync keeps, and its default.
WANTED = {
    "plex_libraries": (), "path_mappings": (), "write_confidence": 0.7, "stage_1_confidence": 0.8,
    "stage_2_confidence": 0.7, "predictions": 5, "stage_3_confidence": 0.7, "stages": 9,
    "batch_size": 32, "device": "auto",
    "sync_automatically": True, "sync_every_hours": 24, "classify_automatically": True, "write_automatically": False,
    "excerpt": "middle", "web_port": 8000, "debug": False,
}  # fmt: skip


def test_every_setting_that_was_asked_for_exists_with_its_default() -> None:
    assert {name: getattr(DEFAULTS, name) for name in WANTED} == WANTED
    assert {"gpu_memory_share", "concurrency", "web_host"} <= set(Preferences.model_fields)


@pytest.mark.parametrize("name", Preferences.model_fields)
def test_every_setting_has_help_a_range_a_group_and_says_when_it_takes_effect(name: str) -> None:
    assert Preferences.model_fields[name].description
    assert allowed(name)
    assert about(name).group in Group
    assert about(name).effect in Effect
    assert validated(name, getattr(DEFAULTS, name)) == getattr(DEFAULTS, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("write_confidence", 1.01), ("write_confidence", -0.01), ("write_confidence", float("nan")),
        ("write_confidence", "high"), ("stages", 0), ("stages", 10), ("stages", 2.5), ("predictions", 0),
        ("batch_size", 0), ("device", "gpu"), ("gpu_memory_share", 0), ("gpu_memory_share", 1.5),
        ("sync_every_hours", 0), ("sync_every_hours", float("inf")), ("excerpt", "end"), ("concurrency", -1),
        ("web_port", 0), ("web_port", 70000), ("web_host", "a host"), ("web_host", ""), ("debug", "perhaps"),
        ("path_mappings", ("/data/music",)), ("path_mappings", ("/data=music",)), ("path_mappings", ("=/music",)),
        ("plex_libraries", (7,)), ("plex_libraries", None), ("write_confidence", None),
    ],
)  # fmt: skip
def test_nonsense_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        validated(name, value)


def test_lists_lose_blanks_and_doubles_and_keep_their_order() -> None:
    assert validated("plex_libraries", "Music, Jazz ,,Music") == ("Music", "Jazz")
    assert validated("path_mappings", ["D:\\Music=/mnt/d", " /data/a=b=/mnt/a "]) == (
        "D:\\Music=/mnt/d", "/data/a=b=/mnt/a",
    )  # fmt: skip


def test_a_variable_of_the_environment_holds_its_setting_and_an_empty_one_does_not() -> None:
    held = locks({"PORTAL_WRITE_CONFIDENCE": "0.9", "PORTAL_STAGES": " ", "PORTAL_DEBUG": "on"})
    assert {name: (lock.variable, lock.value) for name, lock in held.items()} == {
        "write_confidence": ("PORTAL_WRITE_CONFIDENCE", 0.9), "debug": ("PORTAL_DEBUG", True),
    }  # fmt: skip


def test_the_variables_of_old_hold_their_settings_still() -> None:
    held = locks({"PORTAL_PLEX_LIBRARY": "Music, old", "PORTAL_HOST": "10.0.0.7", "PORTAL_PORT": "8080"})
    assert held["plex_libraries"].value == ("Music, old",)
    assert held["web_host"].variable == "PORTAL_HOST"
    assert held["web_port"].value == 8080
    both = locks({"PORTAL_PLEX_LIBRARY": "Old", "PORTAL_PLEX_LIBRARIES": "New,Newer"})
    assert both["plex_libraries"].value == ("New", "Newer")


def test_a_variable_that_makes_no_sense_is_refused_by_name_value_and_what_is_allowed() -> None:
    with pytest.raises(EnvironmentRefusedError, match=r"PORTAL_STAGES is '17': .*Allowed: 1 to 9"):
        locks({"PORTAL_STAGES": "17"})


def test_no_two_settings_share_a_variable() -> None:
    every = [variable for name in Preferences.model_fields for variable in variables(name)]
    assert len(every) == len(set(every))
