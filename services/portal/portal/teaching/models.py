"""Taught sets: songs that a person says are of one genre, all of them."""

from django.db import models
from django.db.models import Q
from django.utils import timezone


class TaughtSet(models.Model):
    """Where the examples of a genre are."""

    class Source(models.TextChoices):
        FOLDER = "folder", "Folder"
        PLAYLIST = "playlist", "Plex playlist"
        COLLECTION = "collection", "Plex collection"
        SELECTION = "selection", "Chosen songs"

    genre = models.ForeignKey("genres.Genre", on_delete=models.PROTECT, related_name="taught_sets")
    source = models.CharField(max_length=20, choices=Source.choices)
    title = models.CharField(
        max_length=1000, help_text="The folder as Plex names it, or the list's title in Plex."
    )
    server_id = models.CharField(
        max_length=100, blank=True, help_text="Plex's machine identifier, of a list."
    )
    list_key = models.CharField(
        max_length=50, blank=True, help_text="Plex's key of the playlist or collection."
    )
    list_guid = models.CharField(
        max_length=300,
        blank=True,
        help_text="Plex's global id of the playlist or collection, which it keeps under another key.",
    )
    created_time = models.DateTimeField(default=timezone.now)
    read_time = models.DateTimeField(null=True, blank=True, help_text="When its songs were last looked up.")
    trouble = models.TextField(blank=True, help_text="Why they could not be, the last time.")
    suspended_time = models.DateTimeField(
        "suspended since",
        null=True,
        blank=True,
        help_text="When another list was found in place of its own. Until its own is back its songs are kept, and "
        "nothing is learned from them.",
    )

    class Meta:
        ordering = ("genre__name", "source", "title")
        constraints = (
            # Lists are told apart by more than their keys; one that is there twice does no harm.
            models.UniqueConstraint(
                fields=("genre", "source", "title"), condition=Q(list_key=""), name="taught_set_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.genre}: {self.get_source_display().lower()} {self.title}"


class TaughtSong(models.Model):
    """A song of a set."""

    # The constraint's index begins with the track.
    track = models.ForeignKey(
        "library.Track", on_delete=models.CASCADE, related_name="taught", db_index=False
    )
    taught_set = models.ForeignKey(TaughtSet, on_delete=models.CASCADE, related_name="songs")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("track", "taught_set"), name="taught_song_once"),)

    def __str__(self) -> str:
        return f"{self.track} in {self.taught_set}"
