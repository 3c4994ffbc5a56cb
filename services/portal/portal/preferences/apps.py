"""Tells Django of this app."""

from django.apps import AppConfig


class PreferencesConfig(AppConfig):
    name = "portal.preferences"
    label = "preferences"
    verbose_name = "Settings"
