"""Libraries, tracks, and the audio behind them."""

import re

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Concat
from django.utils import timezone
from pgvector.django import HalfVectorField, VectorField

UNKNOWN_ARTIST = "Unknown artist"


class Folded(Func):
    """Text as a search reads it: in small letters, without accents, one form of what Unicode can write in several."""

    function = "reclass_folded"
    arity = 1
    output_field = models.TextField()


class Lines(Func):
    """A list of texts as one text."""

    function = "reclass_lines"
    arity = 1
    output_field = models.TextField()


class Library(models.Model):
    """A music library of a Plex server."""

    server_id = models.CharField(max_length=100, help_text="Plex's machine identifier.")
    key = models.CharField(max_length=50)
    title = models.CharField(max_length=300)
    last_synced = models.DateTimeField(null=True, blank=True)
    removed_time = models.DateTimeField(
        null=True, blank=True, help_text="When the server no longer had it; its songs are kept."
    )

    class Meta:
        verbose_name_plural = "libraries"
        constraints = (models.UniqueConstraint(fields=("server_id", "key"), name="library_of_server"),)

    def __str__(self) -> str:
        return self.title


class Audio(models.Model):
    """One recording's bytes, by content: analysed once, however many tracks, paths or rating keys have it."""

    content_key = models.CharField(max_length=100, unique=True)
    codec = models.CharField(max_length=50, blank=True)
    sample_rate_hz = models.PositiveIntegerField(default=0)
    channels = models.PositiveSmallIntegerField(default=0)
    duration_seconds = models.FloatField(default=0, db_index=True)
    extracted_time = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "audio"

    def __str__(self) -> str:
        return self.content_key


class Embedding(models.Model):
    """What features has said of a kind of vectors that stages are made of, and what the owner wants of it.

    One row for each that it ever spoke of, FMA's values too, which stand first and cannot be switched off. Written by
    `portal.library.embeddings`; kept while features is silent.
    """

    kind = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=100, help_text="As people call it.")
    position = models.PositiveSmallIntegerField(help_text="In the order of stages.")
    enabled = models.BooleanField(default=True, help_text="The owner wants it.")
    available = models.BooleanField(default=False, help_text="It can be made.")
    detail = models.TextField(blank=True, help_text="Where it runs, or why it is not available.")
    licence = models.TextField(blank=True)
    weights = models.TextField(blank=True, help_text="Where they come from and how they are checked.")
    weights_bytes = models.BigIntegerField(default=0, help_text="0 where it is not known.")
    length = models.PositiveIntegerField(default=0, help_text="Values of a vector.")
    version = models.CharField(max_length=200, blank=True, help_text="Of the vectors that are made now.")
    cpu_seconds = models.FloatField(default=0.0, help_text="Of one core for a song; 0 where it is not known.")
    measured_seconds = models.FloatField(
        default=0.0, help_text="A song here, on the mean; 0 before the first."
    )
    measured_songs = models.BigIntegerField(default=0)
    tags = models.JSONField(default=list, help_text="[[name, reference mean], …] of a vector's last values.")
    seen_time = models.DateTimeField(help_text="When features last spoke of it.")

    class Meta:
        ordering = ("position", "pk")
        default_permissions = ()  # whoever may change settings may change these

    def __str__(self) -> str:
        return self.name


class SimilaritySpace(models.Model):
    """The vectors by which songs are similar, and how their values are brought to one scale; one row at a time."""

    kind = models.CharField(max_length=40)
    version = models.CharField(max_length=200)
    mean = VectorField(help_text="Of each value over the library.")
    scale = VectorField(
        help_text="One over its standard deviation; 0 for a value that is the same everywhere."
    )
    vectors = models.PositiveIntegerField(help_text="As many there were when this was computed.")
    made_time = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=("kind", "version"), name="space_of_version"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.version}"


class Vector(models.Model):
    """The values of one kind for one audio; a model never sees values of another version.

    Read and written by `portal.library.vectors`, which knows what precision a kind needs.
    """

    # The constraint's index begins with the audio, so another one on it alone would only take room.
    audio = models.ForeignKey(Audio, on_delete=models.CASCADE, related_name="vectors", db_index=False)
    kind = models.CharField(max_length=40, help_text="As the contract names it, in small letters.")
    version = models.CharField(max_length=200)
    values = VectorField(null=True, help_text="In full precision, for kinds whose numbers are a reference's.")
    half_values = HalfVectorField(null=True, help_text="In half precision, for embeddings.")
    created_time = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("audio", "kind", "version"), name="vector_of_audio_once"),
            models.CheckConstraint(
                condition=Q(values=None, half_values__isnull=False)
                | Q(values__isnull=False, half_values=None),
                name="vector_in_one_precision",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.version}"


class Analysis(models.TextChoices):
    """What is known of a song."""

    PENDING = "pending", "Pending"
    EXTRACTED = "extracted", "Analysed"
    CLASSIFIED = "classified", "Classified"
    PROVISIONAL = "provisional", "Provisional"
    OUT_OF_DISTRIBUTION = "out_of_distribution", "Unfamiliar"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"


class InPlex(models.TextChoices):
    """What of ours stands in Plex."""

    UNTOUCHED = "untouched", "Untouched"
    PLANNED = "planned", "Planned"
    WRITTEN = "written", "Written"
    ROLLED_BACK = "rolled back", "Rolled back"
    CONFLICT = "conflict", "Conflict"
    EXCLUDED = "excluded", "Excluded"


class Track(models.Model):
    """A song in a Plex library: its metadata, its state, and the genre that its tags say."""

    # The constraint's index begins with the library.
    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="tracks", db_index=False)
    rating_key = models.CharField(max_length=50)
    guid = models.CharField(max_length=300, blank=True)
    title = models.CharField(max_length=1000)
    artist = models.CharField(max_length=1000, blank=True)
    album_artist = models.CharField(max_length=1000, blank=True)
    album = models.CharField(max_length=1000, blank=True)
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    duration_seconds = models.FloatField(default=0)
    file = models.TextField(blank=True, help_text="Path as the Plex server names it.")
    part_key = models.CharField(
        max_length=500, blank=True, help_text="Plex's address of the bytes; changes with the file."
    )
    size_bytes = models.BigIntegerField(default=0, help_text="0 where Plex does not say.")
    other_files = ArrayField(
        models.TextField(),
        default=list,
        db_default=[],
        blank=True,
        help_text="Paths of its other versions, the best first; analysed where the first cannot be.",
    )
    added_time = models.DateTimeField(null=True, blank=True)
    updated_time = models.DateTimeField(null=True, blank=True)
    first_seen_time = models.DateTimeField(default=timezone.now, help_text="When a sync first saw it.")

    plex_genres = ArrayField(models.TextField(), default=list, blank=True, help_text="As Plex has them now.")
    plex_genres_locked = models.BooleanField(default=False)
    file_genres = ArrayField(
        models.TextField(), default=list, blank=True, help_text="In the file's own tags."
    )
    tag_genre = models.ForeignKey(
        "genres.Genre",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="What the tags say, as they were before we wrote; through the aliases.",
    )

    additional_tag_genres = ArrayField(
        models.BigIntegerField(),
        default=list,
        db_default=[],
        blank=True,
        help_text="Further genres that these tags name; the song counts for each of them.",
    )

    audio = models.ForeignKey(Audio, on_delete=models.SET_NULL, null=True, blank=True, related_name="tracks")
    analysis = models.CharField(max_length=20, choices=Analysis.choices, default=Analysis.PENDING)
    analysis_reason = models.CharField(max_length=50, blank=True)
    analysis_message = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_time = models.DateTimeField(null=True, blank=True)
    in_plex = models.CharField(max_length=20, choices=InPlex.choices, default=InPlex.UNTOUCHED)
    removed_time = models.DateTimeField(null=True, blank=True, help_text="When Plex no longer had it.")
    last_synced = models.DateTimeField(
        null=True, blank=True, help_text="When its full metadata was read; empty where it has to be."
    )

    search_text = models.GeneratedField(
        expression=Folded(
            Concat(
                *("title", Value("\n"), "artist", Value("\n"), "album", Value("\n"), "file", Value("\n")),
                *(Lines("other_files"), Value("\n"), Lines("plex_genres"), Value("\n"), Lines("file_genres")),
                output_field=models.TextField(),
            )
        ),
        output_field=models.TextField(),
        db_persist=True,
        help_text="What a search looks at, without case and accents; PostgreSQL makes it.",
    )

    class Meta:
        verbose_name = "song"
        ordering = ("artist", "album", "title")
        constraints = (models.UniqueConstraint(fields=("library", "rating_key"), name="track_of_library"),)
        # Not by the fields' own db_index, which makes a second index for LIKE: each one costs at every write.
        indexes = (
            models.Index(fields=("analysis",), name="track_by_analysis"),
            models.Index(fields=("in_plex",), name="track_by_in_plex"),
            models.Index(fields=("album",), name="track_by_album"),
            # The list of songs in its own order, which ends with the id as the admin does.
            models.Index(
                "artist",
                "album",
                "title",
                F("id").desc(),
                condition=Q(removed_time=None),
                name="track_in_order_of_the_list",
            ),
        )

    def __str__(self) -> str:
        return f"{self.artist.strip() or UNKNOWN_ARTIST} – {self.name}"

    @property
    def name(self) -> str:
        """What a person calls it: its title, else the name of its file."""
        return self.title.strip() or re.split(r"[/\\]", self.file)[-1] or "(without a title)"

    @property
    def server_id(self) -> str:
        """Plex's machine identifier of the server that it is of."""
        return self.library.server_id
