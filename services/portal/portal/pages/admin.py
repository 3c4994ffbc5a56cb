"""Registers every page: Django's admin looks for them here."""

from portal.pages import callers, ledger, runs, tag_votes, trained_models  # noqa: F401 # registering is what is wanted
from portal.pages.accounts import admin as accounts  # noqa: F401
from portal.pages.genres import admin as genres  # noqa: F401
from portal.pages.settings import admin as settings  # noqa: F401
from portal.pages.songs import admin as songs  # noqa: F401
from portal.pages.teaching import admin as teaching  # noqa: F401
