"""Predictions of the AI and overrides by people."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Prediction(models.Model):
    """What one model version said of one song: once per song and version, one of them current."""

    # Both constraints' indexes begin with the track, so another one on it alone would only take room.
    track = models.ForeignKey(
        "library.Track", on_delete=models.CASCADE, related_name="predictions", db_index=False
    )
    genre = models.ForeignKey("genres.Genre", on_delete=models.PROTECT, related_name="predictions")
    confidence = models.FloatField(help_text="Calibrated probability that the genre is right.")
    model_version = models.CharField(max_length=100)
    deciding_stage = models.PositiveSmallIntegerField()
    out_of_fold = models.BooleanField(
        default=False,
        help_text="Said by a model without this artist in its training, for the song was in the training.",
    )
    suspected_label_error = models.BooleanField(
        default=False, help_text="The tag looks wrong, by the prediction out of fold."
    )
    outcome = models.CharField(
        max_length=20,
        blank=True,
        db_default="",
        help_text="What the vote came to: classified, provisional or out_of_distribution. Empty where nobody kept it.",
    )
    random_weights = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Decided from vectors that random weights made, for trials: it means nothing.",
    )
    provisional_reason = models.TextField(blank=True)
    stages = models.JSONField(
        default=list,
        help_text="Each stage that ran: [stage, model version, decided, threshold, [genre, probability, …]].",
    )
    current = models.BooleanField(default=True)
    created_time = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("track", "model_version"), name="prediction_once_per_version"),
            models.UniqueConstraint(
                fields=("track",), condition=Q(current=True), name="prediction_one_current"
            ),
        )

    def __str__(self) -> str:
        return f"{self.genre} {self.confidence:.0%}"


class Override(models.Model):
    """A person's word on a song's genre; it wins over every prediction."""

    track = models.OneToOneField("library.Track", on_delete=models.CASCADE, related_name="override")
    genre = models.ForeignKey("genres.Genre", on_delete=models.PROTECT, related_name="overrides")
    note = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    created_time = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.genre} (by {self.by or 'somebody'})"
