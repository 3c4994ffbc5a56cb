"""A stage is what it is made of: its number, its head's name and its threshold follow."""

import pytest
from inference.classify.stages import FIRST_STAGE, Stage, default_thresholds, stage_of
from inference.classify.voting_rule import Rule

OF_EARLIER_MODELS = {
    "genre_fma": ("FMA",),
    "genre_fma_mert": ("FMA", "MERT"),
    "genre_fma_mert_jmla": ("FMA", "MERT", "JMLA"),
}


@pytest.mark.parametrize(("name", "kinds"), OF_EARLIER_MODELS.items())
def test_heads_of_earlier_models_keep_their_names(name: str, kinds: tuple[str, ...]) -> None:
    assert Stage(kinds).model == name
    assert stage_of(name) == Stage(kinds)


@pytest.mark.parametrize(
    "kinds", [("FMA",), ("FMA", "KIND1000", "MUSICNN"), ("FMA", "A_LONG_NAME", "A", "B")]
)
def test_a_stage_can_be_read_from_the_name_of_its_head(kinds: tuple[str, ...]) -> None:
    stage = Stage(kinds)
    assert stage.number == len(kinds)
    found = stage_of(stage.model)
    assert found is not None
    assert found.kinds == kinds


@pytest.mark.parametrize(
    "name", ["genre", "genre_head", "genre_", "mert", "musicnn", "Genre_fma", "genre_FMA", "genre_mert_fma"]
)
def test_what_is_no_head_has_no_stage(name: str) -> None:
    assert stage_of(name) is None


def test_each_stage_adds_a_kind_to_the_one_before() -> None:
    assert FIRST_STAGE.joined_by("MUSICNN").joined_by("MERT").model == "genre_fma_musicnn_mert"


@pytest.mark.parametrize(
    ("stages", "expected"),
    [(1, (0.8,)), (2, (0.8, 0.7)), (3, (0.8, 0.7, 0.0)), (5, (0.8, 0.7, 0.7, 0.7, 0.0))],
)
def test_thresholds_go_by_the_position_in_the_model(stages: int, expected: tuple[float, ...]) -> None:
    assert default_thresholds(stages) == expected


def test_a_caller_may_choose_some_thresholds() -> None:
    rule = Rule(thresholds=(0.9, 0.5), max_stages=2)
    assert rule.in_force(4) == (0.9, 0.5, 0.7, 0.0)
    assert rule.in_force(1) == (0.9,)
