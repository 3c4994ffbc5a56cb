"""The models on disk: their records, weights and out-of-fold predictions, written whole or not at all."""
