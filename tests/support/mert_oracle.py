"""transformers' own HuBERT with the weights of a MERT folder: what our encoder is compared with."""

import json
from pathlib import Path

import torch
from transformers import HubertConfig, HubertModel

# MERT's own flags, and those that a config is made with anew.
NOT_OF_HUBERT = {"model_type", "auto_map", "architectures", "torch_dtype", "dtype", "transformers_version"}


def hubert(folder: Path, *, attention: str = "sdpa") -> HubertModel:
    """Every tensor must find its place, and every place its tensor: nothing stays random."""
    config = json.loads((folder / "config.json").read_text())
    kept = {name: value for name, value in config.items() if name not in NOT_OF_HUBERT}
    with torch.device("meta"):  # no memory for the random values that would be written over
        model = HubertModel(HubertConfig(**kept, attn_implementation=attention))
    state = torch.load(folder / "pytorch_model.bin", weights_only=True, mmap=True)
    model.load_state_dict(state, strict=True, assign=True)
    return model.eval()
