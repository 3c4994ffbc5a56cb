"""Predictions of the AI, decisions from all that is known, overrides and judgements by people."""

from uuid import UUID

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
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
    sound = models.BinaryField(
        default=b"",
        db_default=b"",
        help_text="The deciding stage's probabilities of all genres, as inference said them. Empty where it did not.",
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


class Decision(models.Model):
    """The genre of a song given all that is known of it: its sound, its album's and artist's, and its tags.

    One a song, made by inference. Out of date where `evidence` is not what is known now.
    """

    class Kind(models.TextChoices):
        """What writing the genre would be."""

        NONE = "none", "Its tags name it"
        FILL = "fill", "Fill"
        CORRECTION = "correction", "Correction"

    track = models.OneToOneField("library.Track", on_delete=models.CASCADE, related_name="decision")
    genre = models.ForeignKey(
        "genres.Genre",
        on_delete=models.CASCADE,  # it is made anew
        null=True,
        related_name="+",
        help_text="Empty where nothing is known that the model in service can use: another model classified the song.",
    )
    confidence = models.FloatField(
        default=0.0,
        help_text="Probability that the genre is right, by the lower end of what is known of tags.",
    )
    confidence_mean = models.FloatField(default=0.0, help_text="The same by the middle.")
    confidence_high = models.FloatField(default=0.0, help_text="The same by the upper end.")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.NONE)
    tag_probability = models.FloatField(
        default=0.0, help_text="Probability that a genre of the song's own tags is right."
    )
    parts = models.JSONField(
        default=list, help_text="What was known after each source, in order: [source, genre, probability]."
    )
    model = models.CharField(max_length=100, blank=True, help_text="The model that was asked, by its name.")
    prediction = models.BigIntegerField(help_text="Id of the prediction whose sound it rests on.")
    artist_group = models.UUIDField(
        help_text="Digest of the artist, or the album, whose songs were decided together."
    )
    evidence = models.UUIDField(help_text="Digest of all that was known of the song itself.")
    basis = models.UUIDField(
        default=UUID(int=0),
        db_default=UUID(int=0),
        help_text="Digest of the model in service, the sources, and the names of genres.",
    )
    judged = models.UUIDField(
        default=UUID(int=0), db_default=UUID(int=0), help_text="Digest of what people had judged."
    )
    decided_time = models.DateTimeField()

    class Meta:
        # Whether any rests on something else than what holds now is asked every minute.
        indexes = (models.Index(fields=("basis", "judged"), name="decision_by_what_holds"),)

    def __str__(self) -> str:
        return f"{self.genre or 'nothing'} {self.confidence:.0%}"


class Override(models.Model):
    """A person's word on a song's genre; it wins over every prediction."""

    track = models.OneToOneField("library.Track", on_delete=models.CASCADE, related_name="override")
    genre = models.ForeignKey("genres.Genre", on_delete=models.PROTECT, related_name="overrides")
    note = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    from_first_guess = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Taken from a first guess, and not said by hand since: whatever is said by hand ends it.",
    )
    created_time = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.genre} (by {self.by or 'somebody'})"


class Judgement(models.Model):
    """What a person said of a song that was put to them: by it decisions learn how far tags can be trusted.

    One a song, beside the override that it is too. Written by `portal.decisions.judge`, which chooses the songs: a
    song that people have chosen themselves would tell nothing of the others.
    """

    class Kind(models.TextChoices):
        """Why the song was asked about."""

        DISAGREEMENT = "disagreement", "Its sound and its tags say different genres"
        AGREEMENT = "agreement", "Its sound and its tags say the same"
        ALBUM = "album", "It stands on the album of a song that was asked about"

    track = models.OneToOneField("library.Track", on_delete=models.CASCADE, related_name="judgement")
    genres = ArrayField(
        models.BigIntegerField(),
        default=list,
        blank=True,
        help_text="The genres that are right; none: none of ours.",
    )
    kind = models.CharField(max_length=20, choices=Kind.choices)
    stratum = models.CharField(
        max_length=20,
        blank=True,
        help_text="Confidence that it was asked about at, in words; empty where only its album was asked about.",
    )
    act = models.CharField(
        max_length=200,
        blank=True,
        help_text="Songs that were judged at once, such as an album, have one name.",
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    created_time = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.track_id} (by {self.by or 'somebody'})"


class Reading(models.Model):
    """What judgements tell of tags that contradict the model, as inference answered it: kept, so that it is asked once.

    Shares, with the ends of a 90 % interval.
    """

    mark = models.UUIDField(unique=True, help_text="Digest of the model and of all judgements.")
    model = models.CharField(max_length=100, blank=True)
    judgements = models.PositiveIntegerField()
    judged_songs = models.PositiveIntegerField()
    contradiction_rate = models.FloatField(help_text="Tags that contradict the model beyond its own doubt.")
    wrong_share = models.FloatField(help_text="Of these, the wrong tags.")
    wrong_share_low = models.FloatField()
    wrong_share_high = models.FloatField()
    slip_rate = models.FloatField(help_text="Songs of another genre where sound and tags agree.")
    promise_threshold = models.FloatField(
        null=True,
        help_text="Confidence by sound from which on 95 % are right; none: that cannot be promised.",
    )
    promise_coverage = models.FloatField(default=0.0, help_text="Of all songs, those that reach it.")
    promise_accuracy_low = models.FloatField(default=0.0, help_text="Of these, at least so many are right.")
    calibration_error = models.FloatField(default=0.0)
    overconfidence = models.FloatField(default=0.0, help_text="How far confidences are too high on the mean.")
    created_time = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.wrong_share_low:.0%} to {self.wrong_share_high:.0%}"
