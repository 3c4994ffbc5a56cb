"""Changes of the models' tables."""
