"""The people who may use the portal."""
