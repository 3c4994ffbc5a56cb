"""What a deployment may choose of MERT, from FEATURES_MERT_* variables; each is a parameter of its model."""

import re
from typing import Any, Literal

from pydantic import field_validator
from pydantic_settings import SettingsConfigDict
from runtime.settings import Settings


class MertSettings(Settings):
    """Empty and "auto" leave it to the model."""

    model_config = SettingsConfigDict(
        env_prefix="FEATURES_MERT_", use_attribute_docstrings=True, extra="ignore"
    )

    layers: str = "auto"
    """Layer of MERT whose mean over time is the vector: auto (7 of MERT-v1-95M, 10 of 330M), another number, last, or
    several separated by "+", whose mean is taken."""
    window_seconds: Literal[5, 30] = 5
    """Length of the windows that MERT is given."""
    dtype: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Precision in which MERT computes; auto takes the fastest that passes its test at loading."""
    weights: str = ""
    """Folder of the MERT checkpoint, as Triton sees it; empty takes the one that Triton was started with."""

    @field_validator("layers")
    @classmethod
    def _are_layers(cls, value: str) -> str:
        if not re.fullmatch(r"auto|last|\d{1,2}(\+\d{1,2})*", value):
            raise ValueError('it must be auto, last, a number, or numbers like "6+7+8"')
        return value

    @field_validator("window_seconds", mode="before")
    @classmethod
    def _is_a_number(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and value.isdigit() else value
