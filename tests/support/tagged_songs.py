"""Songs in the database whose vectors end with tags, as an embedding of the portal's tests gives them."""

from array import array
from collections.abc import Mapping
from typing import Any

from portal.library.models import Analysis, Embedding, Library, Track
from portal.library.vectors import store_vectors
from portal.remote.audio import VectorValues
from songs import THEN, make_song

KIND = "kind1000"
VERSION = "tagger/1"
# Each with its mean over broad music.
TAGS = {
    "rock": 0.3, "pop": 0.2, "jazz": 0.1, "Hip-Hop": 0.05, "country": 0.04, "blues": 0.06, "electronic": 0.2,
    "folk": 0.08, "soul": 0.08, "easy listening": 0.03, "sad": 0.1,
}  # fmt: skip
OTHER_VALUES = 5


def make_tagger(**fields: Any) -> Embedding:
    """An embedding that gives tags."""
    made_up: dict[str, Any] = {
        "kind": KIND,
        "name": "Tagger",
        "position": 1,
        "version": VERSION,
        "length": OTHER_VALUES + len(TAGS),
        "available": True,
        "tags": [list(tag) for tag in TAGS.items()],
        "seen_time": THEN,
    }
    return Embedding.objects.create(**(made_up | fields))


def tag_song(track: Track, **loud: float) -> Track:
    """Give the song's audio a vector: every tag as usual but those that are named (`Hip_Hop` for "Hip-Hop")."""
    named = {name.replace("_", "-"): value for name, value in loud.items()}
    assert track.audio_id is not None
    store_vectors({track.audio_id: [tags_vector(named)]})
    return track


def tags_vector(loud: Mapping[str, float]) -> VectorValues:
    """A vector with these tags, and the others a little less than usual."""
    tags = [loud.get(name, 0.9 * mean) for name, mean in TAGS.items()]
    assert set(loud) <= set(TAGS)
    values = array("f", [*range(OTHER_VALUES), *tags])
    return VectorValues(kind=KIND, version=VERSION, values=values)


def make_tagged_song(library: Library, number: int, fields: Any = None, **loud: float) -> Track:
    """An analysed song with these tags."""
    return tag_song(make_song(library, number, **({"analysis": Analysis.EXTRACTED} | (fields or {}))), **loud)
