"""Measurements, each printed as a ratio to a reference that ran in the same process."""
