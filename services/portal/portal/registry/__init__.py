"""The models that inference keeps: which of them serves, and what their reports say."""
