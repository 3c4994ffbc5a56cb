"""Runs of the portal up to a step, as tests of later ones need them."""

from portal.orchestration.start import (
    start_extract,
    start_sync,
)

SONGS = 12


def synced(portal, **arguments):
    return portal.finish(start_sync(["Music"], **arguments))


def extracted(portal):
    synced(portal)
    return portal.finish(start_extract())
