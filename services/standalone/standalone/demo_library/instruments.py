"""The pitched instruments of the demo library by name."""

from dataclasses import replace
from functools import cache
from typing import Any

from standalone.demo_library.tables import load_table
from standalone.demo_library.timbres import Formant, Timbre


@cache
def instruments() -> dict[str, tuple[Timbre, ...]]:
    """The timbres behind each name: one for an instrument, one per vowel for a throat."""
    table = load_table("instruments")
    throats, vowels = table.pop("throats"), table.pop("vowels")
    found: dict[str, tuple[Timbre, ...]] = {name: (_timbre(fields),) for name, fields in table.items()}
    for name, fields in throats.items():
        throat = _timbre(fields)
        found[name] = tuple(replace(throat, formants=_formants(rows)) for rows in vowels.values())
    return found


def _timbre(fields: dict[str, Any]) -> Timbre:
    return Timbre(**(fields | {"formants": _formants(fields.get("formants", ()))}))


def _formants(rows: list[list[float]] | tuple[()]) -> tuple[Formant, ...]:
    return tuple(Formant(*row) for row in rows)
