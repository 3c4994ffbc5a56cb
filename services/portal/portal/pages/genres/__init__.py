"""The pages of genres, of their aliases, and of tags that no alias knows."""
