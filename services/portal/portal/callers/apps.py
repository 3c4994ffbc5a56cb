"""Tells Django of this app."""

from django.apps import AppConfig


class CallersConfig(AppConfig):
    name = "portal.callers"
    label = "callers"
    verbose_name = "Callers"
