"""What writing a genre does to a song's tags: pure."""

from enum import StrEnum


class WriteKind(StrEnum):
    """Told apart everywhere, for they are not equally risky."""

    FILL = "fill"
    """It has no tag that counts: nothing of anybody's is lost."""
    CORRECTION = "correction"
    """Its tag stands for another genre, and may be right."""
    TRANSLATION = "translation"
    """Its tag stands for the genre and is spelled in another way: no evidence is needed."""
    PERSON = "person"
    """A person has set the genre."""

    @property
    def label(self) -> str:
        """As pages call it."""
        return "Set by a person" if self is WriteKind.PERSON else self.value.capitalize()


CHOICES = tuple((kind.value, kind.label) for kind in WriteKind)
