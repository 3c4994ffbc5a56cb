"""MERT-v1 from a folder with its published files: strict loading, and windows of audio to one vector per layer."""
