"""The bench of truth: libraries whose true posterior is known, and how near to it comes what is decided about them."""

SEEDS = 20
"""Libraries of each shape."""


def main() -> None:
    """Print the tables and the targets."""
    # Only here: the tests of single modules need not load all of it.
    from benchmarks.inference.truth.table import main as print_tables

    print_tables(SEEDS)
