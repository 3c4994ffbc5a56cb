"""The ledger: batches of planned and made edits, each with what stood in Plex before."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from portal.ledger.kinds import CHOICES


class WriteBatch(models.Model):
    """A set of edits made together: planned by a dry run, applied by a push, taken back by a rollback."""

    class State(models.TextChoices):
        PLANNED = "planned", "Planned (dry run)"
        APPLYING = "applying", "Applying"
        APPLIED = "applied", "Applied"
        ROLLING_BACK = "rolling back", "Rolling back"
        ROLLED_BACK = "rolled back", "Rolled back"
        DISCARDED = "discarded", "Discarded"

    state = models.CharField(max_length=20, choices=State.choices, default=State.PLANNED)
    min_confidence = models.FloatField(
        help_text="Songs below this were left out, unless a person decided them."
    )
    created_time = models.DateTimeField(auto_now_add=True)
    applied_time = models.DateTimeField(null=True, blank=True)
    rolled_back_time = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)

    class Meta:
        ordering = ("-created_time",)
        verbose_name_plural = "write batches"

    def __str__(self) -> str:
        return f"Batch {self.pk}"


class WriteTest(models.Model):
    """A probe of `reclass doctor --write-test`: what stood in Plex before it, kept until that was put back."""

    track = models.ForeignKey("library.Track", on_delete=models.CASCADE, related_name="+")
    rating_key = models.CharField(max_length=50)
    before_genres = ArrayField(models.TextField(), default=list)
    before_locked = models.BooleanField()
    begun_time = models.DateTimeField(auto_now_add=True)
    restored_time = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"Write test {self.pk}"


class WriteRow(models.Model):
    """One song's edit: exactly one per song and batch, kept for ever."""

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        WRITTEN = "written", "Written"
        UNCHANGED = "unchanged", "Already so"
        CONFLICT = "conflict", "Changed in Plex since"
        FAILED = "failed", "Failed"
        ROLLED_BACK = "rolled back", "Rolled back"

    batch = models.ForeignKey(WriteBatch, on_delete=models.CASCADE, related_name="rows")
    track = models.ForeignKey("library.Track", on_delete=models.CASCADE, related_name="writes")
    rating_key = models.CharField(max_length=50)
    before_genres = ArrayField(models.TextField(), default=list)
    before_locked = models.BooleanField()
    after_genres = ArrayField(models.TextField(), default=list)
    after_locked = models.BooleanField(default=True)
    source = models.CharField(
        max_length=20, help_text="Where the genre is from: the AI, a person, or the tags."
    )
    kind = models.CharField(max_length=20, choices=CHOICES)
    confidence = models.FloatField(
        null=True,
        blank=True,
        help_text="Probability that the genre is right, by the lower end of what is known.",
    )
    confidence_mean = models.FloatField(null=True, blank=True)
    confidence_high = models.FloatField(null=True, blank=True)
    tag_probability = models.FloatField(
        default=0.0, help_text="Probability that what is written over was right: of a correction alone."
    )
    random_weights = models.BooleanField(
        default=False, db_default=False, help_text="Decided by a model for trials: it means nothing."
    )
    state = models.CharField(max_length=20, choices=State.choices, default=State.PLANNED, db_index=True)
    message = models.TextField(blank=True)
    attempted_time = models.DateTimeField(
        null=True, blank=True, help_text="When the edit was begun; a crash may have hidden that it was done."
    )
    written_time = models.DateTimeField(null=True, blank=True)
    rolled_back_time = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("batch", "track"), name="write_row_once"),)

    def __str__(self) -> str:
        return f"{self.before_genres} → {self.after_genres} ({self.state})"
