"""Tells Django of this app."""

from django.apps import AppConfig


class TeachingConfig(AppConfig):
    name = "portal.teaching"
    label = "teaching"
    verbose_name = "Taught genres"
