"""The models that trainings made, as rows: a mirror of what inference has, which owns them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from portal.remote import reports
from portal.remote.audio import FMA_NATIVE


class TrainedModel(models.Model):
    """What one training made. Written by `portal.registry.mirror` alone."""

    class State(models.TextChoices):
        CANDIDATE = reports.CANDIDATE, "Candidate"
        IN_SERVICE = reports.IN_SERVICE, "In service"
        RETIRED = reports.RETIRED, "Retired"

    name = models.CharField(max_length=100, unique=True)
    state = models.CharField(max_length=20, choices=State.choices)
    heads = ArrayField(models.TextField(), help_text="By stage from the first, for example genre_fma/7.")
    feature_versions = ArrayField(models.TextField())
    genres = ArrayField(models.TextField())
    song_count = models.PositiveIntegerField()
    group_count = models.PositiveIntegerField(help_text="Artists of these songs.")
    cut_links = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text="Links between groups of artists that no split could keep on one side.",
    )
    training_digest = models.CharField(max_length=200)
    random_weights = models.BooleanField(
        help_text="It has learned from vectors that random weights made: its verdicts mean nothing."
    )
    created_time = models.DateTimeField()
    promoted_time = models.DateTimeField(null=True, help_text="When it was last put into service.")
    promoted_by = models.CharField(
        max_length=150, blank=True, help_text="Who did that; empty where another program did."
    )
    is_rollback_target = models.BooleanField(help_text="A rollback would put it back.")
    held_out_songs = models.PositiveIntegerField(
        null=True,
        help_text="Songs of artists that were not in training, on which its stages were evaluated together.",
    )
    held_out_accuracy = models.FloatField(null=True)
    held_out_accuracy_low = models.FloatField(null=True, help_text="Of the 95 % interval.")
    held_out_accuracy_high = models.FloatField(null=True)
    compared_with = models.CharField(
        max_length=100, blank=True, help_text="The model in service when it was trained."
    )
    compared_accuracy = models.FloatField(null=True, help_text="Of the other model, on the same songs.")
    comparison = models.TextField(blank=True, help_text="What the comparison came to.")

    skipped_embeddings = models.JSONField(
        default=list, db_default=[], help_text="[[kind, why no stage of it adds it], …]."
    )

    class Meta:
        verbose_name = "model"
        ordering = ("-created_time",)
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return self.name

    @property
    def is_in_service(self) -> bool:
        """Whether it answers."""
        return self.state == self.State.IN_SERVICE


class ModelStage(models.Model):
    """One stage of a model, with its figures on songs of artists that were not in training."""

    model = models.ForeignKey(TrainedModel, on_delete=models.CASCADE, related_name="stages")
    stage = models.PositiveSmallIntegerField()
    model_version = models.CharField(max_length=100, help_text="Its head, for example genre_fma/7.")
    feature_versions = ArrayField(models.TextField())
    held_out_songs = models.PositiveIntegerField()
    held_out_accuracy = models.FloatField()
    held_out_accuracy_low = models.FloatField()
    held_out_accuracy_high = models.FloatField()
    held_out_macro_f1 = models.FloatField()
    majority_baseline_accuracy = models.FloatField()
    calibration_error_before = models.FloatField()
    calibration_error_after = models.FloatField()
    kinds = ArrayField(
        models.TextField(),
        default=list,
        db_default=[],
        help_text="Of the vectors that it is asked with, in order.",
    )
    added_accuracy = models.FloatField(
        null=True, help_text="Its accuracy less that of the stage before, on held-out songs that both have."
    )
    added_accuracy_low = models.FloatField(null=True, help_text="Of the 95 % interval.")
    added_accuracy_high = models.FloatField(null=True)
    added_songs = models.PositiveIntegerField(default=0, db_default=0, help_text="Songs that were compared.")

    class Meta:
        ordering = ("model", "stage")
        constraints = (models.UniqueConstraint(fields=("model", "stage"), name="stage_of_model"),)

    def __str__(self) -> str:
        return self.model_version

    @property
    def uses_whole_songs(self) -> bool:
        """It has learned from whole songs, as those of a public table are."""
        return any(version.startswith(FMA_NATIVE) for version in self.feature_versions)


class ModelGenre(models.Model):
    """How well a stage tells one genre from the others, on the same songs."""

    stage = models.ForeignKey(ModelStage, on_delete=models.CASCADE, related_name="genres")
    genre = models.CharField(max_length=100)
    songs = models.PositiveIntegerField(help_text="Held-out songs of this genre.")
    precision = models.FloatField(help_text="Of the songs that it says are of it, so many are.")
    recall = models.FloatField(help_text="Of its songs, it says of so many that they are of it.")

    class Meta:
        ordering = ("stage", "pk")
        constraints = (models.UniqueConstraint(fields=("stage", "genre"), name="genre_of_stage"),)

    def __str__(self) -> str:
        return self.genre
