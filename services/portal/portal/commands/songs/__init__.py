"""`reclass sync`, `extract`, `classify` and `train`: the way of songs up to their genre."""
