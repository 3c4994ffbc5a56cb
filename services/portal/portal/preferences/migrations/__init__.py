"""Changes of the settings' tables."""
