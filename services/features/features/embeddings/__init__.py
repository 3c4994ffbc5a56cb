"""Embeddings: vectors that a neural network makes of windows of audio; one folder for each."""
