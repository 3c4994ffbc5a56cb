"""Tells Django of this app."""

from django.apps import AppConfig


class VerdictsConfig(AppConfig):
    name = "portal.verdicts"
    label = "verdicts"
    verbose_name = "Verdicts"
