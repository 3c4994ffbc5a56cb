"""Tells Django of this app."""

from django.apps import AppConfig


class FirstGuessConfig(AppConfig):
    name = "portal.first_guess"
    label = "first_guess"
    verbose_name = "First guesses"
