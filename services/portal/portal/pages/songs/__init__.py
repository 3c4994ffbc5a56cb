"""The pages of songs and libraries."""
