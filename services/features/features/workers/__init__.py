"""Processes that decode and compute one song each, apart from the service, since decoders can crash and hang."""
