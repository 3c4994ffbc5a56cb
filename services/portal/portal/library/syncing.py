"""The sync run: every track of the chosen libraries, then full metadata of those that are new or changed."""

from collections.abc import Iterable, Iterator, Sequence

from django.utils import timezone

from portal.genres.models import spellings
from portal.library.labels import set_labels
from portal.library.listing import Listing, mark_removed, take_page, without_media
from portal.library.models import Library, Track
from portal.preferences.current import preferences
from portal.remote.sync import TRACKS_AT_ONCE, PlexLibrary, PlexServer, PlexTrack
from portal.runs.models import Run
from portal.runs.work import DONE, Outcome, RunFailedError, RunJob, Verdict


class Syncing:
    """Arguments: `libraries` (titles; none takes the setting) and `full` (full metadata of every track)."""

    songs_at_once = TRACKS_AT_ONCE

    def lay_out(self, job: RunJob) -> Iterable[int]:
        """Read the listings.

        1. Ask the server who it is, and refuse one that knows no genres on tracks.
        2. Store each library's listing page by page; what is new or changed loses the time of its full metadata.
        3. Mark what a complete listing no longer has.
        4. Hand over the tracks without full metadata: also those that a crash left behind.
        """
        server = job.services.sync.check_server()
        if not server.supports_track_genres:
            raise RunFailedError(
                f"Plex Media Server {server.version} has no genres on tracks: update it to 1.40.0 or later."
            )
        rows = [_library_row(server, chosen) for chosen in _chosen(job)]
        notes = [note for row in rows for note in self._list(job, row)]
        job.run.result = {**job.run.result, "notes": notes}
        job.run.save(update_fields=("result",))
        tracks = Track.objects.filter(library__in=rows, removed_time=None)
        if not job.run.arguments.get("full"):
            tracks = tracks.filter(last_synced=None)
        return tracks.order_by("pk").values_list("pk", flat=True).iterator()

    def _list(self, job: RunJob, library: Library) -> list[str]:
        listing = Listing(library=library)
        for page in job.services.sync.list_tracks(library.key):
            take_page(listing, page.tracks, page.total_size)
            share = len(listing.rating_keys) / page.total_size if page.total_size else 1.0
            job.report(
                f"Listing {library.title}: {len(listing.rating_keys)} of {page.total_size} songs", share
            )
        removed, hindered = mark_removed(listing)
        Library.objects.filter(pk=library.pk).update(last_synced=timezone.now())
        counted = f"{library.title}: {len(listing.rating_keys)} songs, {listing.new} new, {removed} removed"
        empty = f"“{library.title}” has no songs: add music to it in Plex, then sync again."
        notes = (counted, without_media(library), hindered, "" if listing.rating_keys else empty)
        return [note for note in notes if note]

    def work(self, job: RunJob, track_ids: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """Take the genres, locks and labels of up to 100 tracks from one request."""
        rows = list(Track.objects.filter(pk__in=track_ids))
        found = job.services.sync.get_tracks([row.rating_key for row in rows])
        seen = [row for row in rows if row.rating_key in found]
        for row in seen:
            _take_details(row, found[row.rating_key])
        set_labels(seen, spellings())
        Track.objects.bulk_update(seen, ["plex_genres", "plex_genres_locked", "tag_genre", "last_synced"])
        for row in rows:
            vanished = Outcome(verdict=Verdict.SKIPPED, message="It vanished from Plex while the sync ran.")
            yield row.pk, DONE if row.rating_key in found else vanished

    def conclude(self, run: Run) -> str:
        """What was seen, library by library."""
        return "; ".join(run.result.get("notes", ()))

    def abandon(self, run: Run) -> None:
        """What was stored is right as it is."""


def _take_details(row: Track, track: PlexTrack) -> None:
    row.plex_genres = list(track.state.genres)
    row.plex_genres_locked = track.state.locked
    row.last_synced = timezone.now()


def _chosen(job: RunJob) -> list[PlexLibrary]:
    libraries = job.services.sync.list_libraries()
    known = ", ".join(f"“{library.title}”" for library in libraries)
    if not libraries:
        raise RunFailedError("The Plex server has no music library: add one in Plex, then sync again.")
    wanted = job.run.arguments.get("libraries") or preferences().plex_libraries
    titles = {title.casefold() for title in wanted if title}
    chosen = [library for library in libraries if not titles or library.title.casefold() in titles]
    missing = titles - {library.title.casefold() for library in chosen}
    if missing:
        asked = ", ".join(f"“{title}”" for title in wanted if title.casefold() in missing)
        raise RunFailedError(f"There is no music library {asked} on the Plex server; there is {known}.")
    return chosen


def _library_row(server: PlexServer, library: PlexLibrary) -> Library:
    row, _ = Library.objects.update_or_create(
        server_id=server.machine_identifier, key=library.key, defaults={"title": library.title}
    )
    return row
