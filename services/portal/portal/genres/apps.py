"""Tells Django of this app."""

from django.apps import AppConfig


class GenresConfig(AppConfig):
    name = "portal.genres"
    label = "genres"
    verbose_name = "Genres"
