"""What the AI and people say of a song."""
