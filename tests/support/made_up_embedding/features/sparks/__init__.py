"""Sparks, a made-up embedding for tests: a folder here and one in Triton, and nothing else."""
