"""Tells Django of this app."""

import logging

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "portal.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Write down who signs in; django-axes's own lines would say it a second time."""
        from portal.accounts import audit  # noqa: F401 # its receivers are what is wanted

        logging.getLogger("axes").setLevel(logging.ERROR)
