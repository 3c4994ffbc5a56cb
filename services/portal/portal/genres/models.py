"""Genres and their aliases."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower

from portal.genres.spelling import IGNORED, lookup, normalised, spelled

LONGEST_SPELLING = 200
NO_LETTER = "Write at least one letter or digit."


class Genre(models.Model):
    """A genre that songs can have. A retired one keeps its history and is neither learned nor written."""

    name = models.CharField(max_length=100, unique=True, help_text="As it is written to Plex.")
    custom = models.BooleanField(
        default=False, help_text="Taught by the owner; public data sets do not know it."
    )
    retired = models.BooleanField(default=False, help_text="Neither learned nor written any more.")
    description = models.TextField(blank=True)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(Lower("name"), name="genre_name_any_case"),)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a name that nobody can see, and one that says the same as another genre's: tags would be its, too."""
        if not any(char.isprintable() and not char.isspace() for char in self.name):
            raise ValidationError({"name": NO_LETTER})
        there = genre_like(self.name, but=self.pk)
        if there:
            raise ValidationError(
                {"name": f"There is a genre {there} already, which the same tags stand for."}
            )


def genre_like(name: str, but: int | None = None) -> Genre | None:
    """The genre, in use or retired, whose name says the same: "Pop-Rock" is "Pop_Rock"."""
    same = (genre for genre in Genre.objects.all() if spelled(genre.name) == spelled(name))
    return next((genre for genre in same if genre.pk != but), None)


class Alias(models.Model):
    """A spelling found in tags that stands for a genre, compared without regard to case and punctuation."""

    spelling = models.CharField(max_length=200, help_text="As it stands in tags, for example Hip-Hop/Rap.")
    normalised = models.CharField(max_length=LONGEST_SPELLING, unique=True, editable=False)
    genre = models.ForeignKey(Genre, on_delete=models.CASCADE, related_name="aliases")

    class Meta:
        ordering = ("spelling",)
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return f"{self.spelling} → {self.genre}"

    def clean(self) -> None:
        """Refuse a spelling that says nothing, and one that stands for another genre already."""
        self.normalised = normalised(self.spelling)
        if not self.normalised:
            raise ValidationError({"spelling": NO_LETTER})
        if len(self.normalised) > LONGEST_SPELLING:
            raise ValidationError({"spelling": "It is too long once its signs are spelled out: shorten it."})
        other = Alias.objects.filter(normalised=self.normalised).exclude(pk=self.pk).first()
        if other:
            raise ValidationError({"spelling": f"It is known already: {other}. Delete that alias first."})
        names = Genre.objects.exclude(pk=self.genre_id).values_list("name", flat=True)
        if self.normalised in {normalised(name) for name in names}:
            raise ValidationError({"spelling": "This is the name of another genre."})

    def save(self, *args: object, **kwargs: object) -> None:
        """Keep the compared form in step with the spelling, which is ignored no more."""
        self.normalised = normalised(self.spelling)
        IgnoredTag.objects.filter(normalised=self.normalised).delete()
        super().save(*args, **kwargs)  # type: ignore[arg-type] # handed through as they came


class IgnoredTag(models.Model):
    """A tag that says nothing of the genre, as a person has said: a song that has no other counts as untagged."""

    tag = models.CharField(max_length=200, help_text="As it stands in tags, for example Favourites.")
    normalised = models.CharField(max_length=LONGEST_SPELLING, unique=True, editable=False)

    class Meta:
        ordering = ("tag",)

    def __str__(self) -> str:
        return self.tag

    def save(self, *args: object, **kwargs: object) -> None:
        """Keep the compared form in step with the tag."""
        self.normalised = spelled(self.tag)
        super().save(*args, **kwargs)  # type: ignore[arg-type] # handed through as they came


def spellings() -> Mapping[str, int]:
    """Every known spelling, normalised, with the id of its genre: the genres' own names, aliases, and ignored tags."""
    ignored = ((tag, IGNORED) for tag in IgnoredTag.objects.values_list("normalised", flat=True))
    aliases = Alias.objects.filter(genre__retired=False).values_list("normalised", "genre_id")
    names = Genre.objects.filter(retired=False).values_list("pk", "name")
    return _looked_up((*ignored, *aliases, *((spelled(name), pk) for pk, name in names)))


@lru_cache(maxsize=1)  # asked for with each song that was analysed and each hundred that are synced
def _looked_up(spellings: tuple[tuple[str, int], ...]) -> Mapping[str, int]:
    return MappingProxyType(lookup(spellings))
