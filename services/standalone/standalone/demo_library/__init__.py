"""The demo's music library, made from nothing but a seed."""

from standalone.demo_library.genres import GENRES
from standalone.demo_library.library import DemoLibrary, Song, make
from standalone.demo_library.spellings import SPELLINGS

__all__ = ["GENRES", "SPELLINGS", "DemoLibrary", "Song", "make"]
