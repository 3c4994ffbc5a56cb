"""The tokens by which other programs call inference."""
