"""Trainings and evaluations as a caller watches them, each in a process of its own."""
