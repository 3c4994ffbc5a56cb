"""Trainings and evaluations as a caller watches them, each in a process of its own, and the comparison with the model in service."""
