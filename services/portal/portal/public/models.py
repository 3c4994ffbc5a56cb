"""Songs of public tables."""

from django.db import models
from pgvector.django import VectorField

FMA = "fma"


class PublicSong(models.Model):
    """A song of a public table with its genre there: learned from, and nothing else. It is in nobody's library."""

    table = models.CharField(max_length=20)
    key = models.CharField(max_length=50, help_text="Its number in the table.")
    artist = models.CharField(max_length=1000, blank=True)
    tag = models.CharField(max_length=200, help_text="Its genre as the table names it.")
    version = models.CharField(max_length=200, help_text="The feature version of the values.")
    values = VectorField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("table", "key"), name="public_song_once"),)

    def __str__(self) -> str:
        return f"{self.table} {self.key}"
