"""The whole of Music ReClass on one machine, without containers, and its demo."""
