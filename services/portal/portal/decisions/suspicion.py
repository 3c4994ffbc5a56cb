"""How many of the tags that look wrong are expected to be wrong, by what is known of sound, album and judgements."""

from dataclasses import dataclass

from django.db.models import Count, F, Q, Sum

from portal.counting import counted
from portal.library.annotations import LOOKS_WRONG, with_prediction
from portal.library.models import Track
from portal.library.presence import present


@dataclass(frozen=True, kw_only=True)
class Suspicion:
    """Songs whose tag is contradicted by a model that had no song of their artist in its training."""

    songs: int
    expected_wrong: int | None
    """Of them; None where none of them has been decided."""

    @property
    def is_likely(self) -> bool:
        """Whether half of them are expected to be wrong. Fewer are worth a listen, and no more than that."""
        return self.expected_wrong is not None and 2 * self.expected_wrong >= self.songs

    @property
    def title(self) -> str:
        """What a list of them is called."""
        return "Tags that look wrong" if self.is_likely else "Tags worth a listen"

    @property
    def sentence(self) -> str:
        """How many of them are expected to be wrong; empty where nothing is known of that."""
        if not self.songs or self.expected_wrong is None:
            return ""
        return f"about {self.expected_wrong} of {self.songs} expected to be wrong"

    @property
    def advice(self) -> str:
        """What to do about them."""
        if self.is_likely:
            have = counted(self.songs, "song", verb=("has", "have"))
            said = f" ({self.sentence})" if self.sentence else ""
            return (
                f"{have} a tag that looks wrong{said}, and that no write batch has put right: say which genre is "
                "right, or plan a batch with them."
            )
        are = counted(self.songs, "song", verb=("is", "are"))
        said = f": {self.sentence}" if self.sentence else ""
        return (
            f"{are} worth a listen, for the sound contradicts the tag{said}. Mostly the tag is right there."
        )


NO_SUSPICION = Suspicion(songs=0, expected_wrong=None)


def suspicion() -> Suspicion:
    """Of the songs that are there, without those that a person has decided or a batch has put right."""
    found = (
        with_prediction(Track.objects.filter(present()))
        .filter(LOOKS_WRONG)
        .aggregate(
            songs=Count("pk"),
            decided=Count("decision__genre"),
            wrong=Sum(1 - F("decision__tag_probability"), filter=Q(decision__genre__isnull=False)),
        )
    )
    songs, decided = found["songs"], found["decided"]
    share = found["wrong"] / decided if decided else None
    return Suspicion(songs=songs, expected_wrong=None if share is None else round(share * songs))
