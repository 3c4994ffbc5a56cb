"""The figures that are wanted, and whether a run has reached them."""


def at_most(name: str, found: float, wanted: float, unit: str) -> str:
    """A line that says so."""
    return _line(name, found, f"at most {wanted:,g}", unit, reached=found <= wanted)


def at_least(name: str, found: float, wanted: float, unit: str) -> str:
    """A line that says so."""
    return _line(name, found, f"at least {wanted:,g}", unit, reached=found >= wanted)


def _line(name: str, found: float, wanted: str, unit: str, *, reached: bool) -> str:
    return f"target {'reached' if reached else 'MISSED'}: {name} {found:,.4g} {unit} ({wanted})"
