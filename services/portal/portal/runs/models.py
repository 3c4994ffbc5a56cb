"""Runs and their songs: what was asked, and how far it is."""

from django.db import models
from django.db.models import Q

SCHEDULED = "scheduled"
THEN = "then"
THEN_ARGUMENTS = "then_arguments"
"""In the arguments: the kind of the run that is asked for when this one is done."""
GAVE_WAY = "gave_way"
"""In the arguments, which its work never writes: it was stopped because another run began, not by a person."""


class Run(models.Model):
    """Something long that was asked for, done in chunks by workers; it goes on after a crash."""

    class Kind(models.TextChoices):
        """Each has the word of its button."""

        SYNC = "sync", "Sync"
        EXTRACT = "extract", "Analyse"
        FILL = "fill", "Fill in vectors"
        CLASSIFY = "classify", "Classify"
        DECIDE = "decide", "Decide"
        TRAIN = "train", "Train"
        PROMOTE = "promote", "Promote"
        PLAN = "plan", "Dry run"
        PUSH = "push", "Apply"
        ROLLBACK = "rollback", "Roll back"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        STOPPING = "stopping", "Stopping"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"
        FAILED = "failed", "Failed"

    ACTIVE = (State.WAITING, State.RUNNING, State.STOPPING)
    """The states of a run that has not ended."""

    kind = models.CharField(max_length=20, choices=Kind.choices)
    state = models.CharField(max_length=20, choices=State.choices, default=State.WAITING)
    request_id = models.CharField(max_length=64)
    message = models.TextField(blank=True, help_text="What happened, and what to do.")
    arguments = models.JSONField(default=dict, help_text="What was asked for, by name.")
    result = models.JSONField(default=dict, help_text="What its work keeps for itself, by name.")
    batch = models.ForeignKey(
        "ledger.WriteBatch",
        on_delete=models.SET_NULL,
        null=True,
        related_name="runs",
        help_text="That it makes or works on.",
    )
    model = models.ForeignKey(
        "registry.TrainedModel",
        on_delete=models.SET_NULL,
        null=True,
        related_name="runs",
        help_text="That it made, or put into service.",
    )
    followed_by = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="The run that was to come after it.",
    )
    songs_selected = models.BooleanField(
        default=False, help_text="All of its songs are known; it ends when none of them is pending."
    )
    song_count = models.PositiveIntegerField(default=0, help_text="Songs that were selected for it.")
    done_count = models.PositiveIntegerField(default=0)
    skipped_count = models.PositiveIntegerField(default=0)
    failed_count = models.PositiveIntegerField(default=0)
    progress = models.FloatField(default=0, help_text="0 to 1, for runs that are not counted in songs.")
    step = models.CharField(max_length=200, blank=True)
    created_time = models.DateTimeField(auto_now_add=True)
    started_time = models.DateTimeField(null=True, blank=True)
    finished_time = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_time",)
        constraints = (
            # Two runs of a kind at once would do songs twice.
            models.UniqueConstraint(
                fields=("kind",),
                condition=Q(state__in=("waiting", "running", "stopping")),
                name="run_one_of_a_kind",
            ),
        )

    def __str__(self) -> str:
        return f"{self.words} {self.pk}"

    @property
    def words(self) -> str:
        """What it does."""
        if self.kind == self.Kind.PROMOTE and self.arguments.get("back_from"):
            return "Roll back the model"
        return str(self.get_kind_display())

    def keep(self, **values: object) -> None:
        """Store these beside what its work keeps for itself already."""
        self.result = {**self.result, **values}
        self.save(update_fields=("result",))

    @property
    def is_scheduled(self) -> bool:
        """The schedule asked for it, not a person."""
        return bool(self.arguments.get(SCHEDULED))

    @property
    def settled_count(self) -> int:
        """Songs that are through."""
        return self.done_count + self.skipped_count + self.failed_count

    @property
    def percent(self) -> int:
        """How far it is, out of a hundred."""
        if self.state == self.State.DONE:
            return 100
        return int(100 * (self.settled_count / self.song_count if self.song_count else self.progress))


class RunSong(models.Model):
    """One song of a run that is not done, or why it never will be; this makes the run resumable and nothing done twice.

    A song that is done has no row, its run counts it: with 100,000 songs the rows would fill the database.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        DONE = "done", "Done"
        SKIPPED = "skipped", "Skipped"
        FAILED = "failed", "Failed"

    # The constraint's index begins with the run.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="songs", db_index=False)
    track = models.ForeignKey("library.Track", on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    message = models.TextField(blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("run", "track"), name="run_song_once"),)
        indexes = (
            models.Index(fields=("run", "state")),
            # Few among many: those that a person is shown while a run goes on.
            models.Index(
                fields=("run",), condition=Q(state="pending", attempts__gt=0), name="run_song_to_try_again"
            ),
        )

    def __str__(self) -> str:
        return f"{self.track_id} in run {self.run_id}: {self.state}"


class UnknownTag(models.Model):
    """A tag of songs that a dry run left alone, for nobody has said what it stands for."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="unknown_tags")
    tag = models.TextField()
    songs = models.PositiveIntegerField()
    example = models.TextField(help_text="One of these songs.")

    class Meta:
        ordering = ("run", "-songs", "tag")

    def __str__(self) -> str:
        return self.tag
