"""The bench of truth with few libraries of each shape: in minutes, and with more chance in it."""

from benchmarks.inference.truth.table import main as print_tables

SEEDS = 3
"""Libraries of each shape."""


def main() -> None:
    """Print the tables and the targets."""
    print_tables(SEEDS)
