"""Votes of tags for genres, and the first guesses that come of them."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from portal.first_guess.known_tags import known_tags, spelled_as_known

LEAST_WEIGHT = 0.01
LARGEST_WEIGHT = 10.0


class TagVote(models.Model):
    """A tag that an embedding gives to songs speaks for a genre. One tag may for several, and several for one."""

    tag = models.CharField(max_length=100, help_text="As the embedding calls it, for example Hip-Hop.")
    genre = models.ForeignKey("genres.Genre", on_delete=models.CASCADE, related_name="tag_votes")
    weight = models.FloatField(
        default=1.0,
        validators=(MinValueValidator(LEAST_WEIGHT), MaxValueValidator(LARGEST_WEIGHT)),
        help_text=f"How much it counts, from {LEAST_WEIGHT:g} to {LARGEST_WEIGHT:g}. A genre whose weights add up to "
        "more is guessed more often.",
    )

    class Meta:
        ordering = ("genre__name", "-weight", "tag")
        constraints = (
            models.UniqueConstraint(
                fields=("tag", "genre"),
                name="tag_votes_once_for_genre",
                violation_error_message="This tag votes for this genre already: change its weight there.",
            ),
            models.CheckConstraint(condition=Q(weight__gt=0), name="tag_vote_weighs"),
        )

    def __str__(self) -> str:
        return f"{self.tag} → {self.genre}"

    def clean(self) -> None:
        """Refuse a tag that no embedding gives: it would never say anything."""
        self.tag = self.tag.strip()
        known = known_tags()
        if not known:
            return  # the embedding has not been asked yet, and what it knows may be right
        spelled = spelled_as_known(self.tag, known)
        if spelled is None:
            raise ValidationError(
                {"tag": f"No embedding gives the tag “{self.tag}”. Known are: {', '.join(sorted(known))}."}
            )
        self.tag = spelled


class FirstGuess(models.Model):
    """What the tags of a song's sound come to, while no trained model is in service. Never written to Plex by itself.

    Written by `portal.first_guess.keeping` alone.
    """

    track = models.OneToOneField("library.Track", on_delete=models.CASCADE, related_name="first_guess")
    genre = models.ForeignKey("genres.Genre", on_delete=models.CASCADE, related_name="first_guesses")
    share = models.FloatField(help_text="Of all genres' evidence. No probability that the genre is right.")

    class Meta:
        verbose_name_plural = "first guesses"

    def __str__(self) -> str:
        return f"{self.genre}?"


class GuessBasis(models.Model):
    """What the guesses that are kept were made from, in one row: they are made anew when it is another."""

    digest = models.CharField(max_length=64)
    recordings = models.PositiveIntegerField(help_text="Whose tags were read.")
    made_time = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "guess bases"
        default_permissions = ()

    def __str__(self) -> str:
        return self.digest
