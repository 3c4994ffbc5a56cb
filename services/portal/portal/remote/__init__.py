"""One door to each other service; nothing else in the portal knows their messages."""
