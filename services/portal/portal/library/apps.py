"""Tells Django of this app."""

from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "portal.library"
    label = "library"
    verbose_name = "Library"
