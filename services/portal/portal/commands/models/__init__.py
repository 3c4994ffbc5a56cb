"""`reclass models` and `evaluate`: which models there are, which one serves, and how good they are."""
