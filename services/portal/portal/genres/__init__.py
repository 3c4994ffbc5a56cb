"""The genres, and the spellings that stand for them."""
