"""Where embeddings are to be computed, and what is said when that cannot be had."""

from pathlib import Path

import pytest
from features.compute import Device, why_not


def test_a_gpu_is_missed_only_where_it_is_asked_for_and_not_there(tmp_path: Path) -> None:
    driver = tmp_path / "version"
    assert "no NVIDIA GPU here: set it to auto or cpu" in why_not(Device.CUDA, driver)
    driver.write_text("NVRM version")
    assert why_not(Device.CUDA, driver) == ""


@pytest.mark.parametrize("device", [Device.AUTO, Device.CPU])
def test_every_other_device_can_be_had_anywhere(tmp_path: Path, device: Device) -> None:
    assert why_not(device, tmp_path / "none") == ""
