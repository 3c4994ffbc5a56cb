"""From a file to the excerpt that vectors are computed from, and what a file says of itself in its tags."""
