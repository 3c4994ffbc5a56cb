"""Classifying by vectors, training, and what is in the labels."""
