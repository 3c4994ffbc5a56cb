"""The sync run: every track of the chosen libraries, then full metadata of those that are new or changed."""

from collections.abc import Iterable, Iterator, Sequence

from django.utils import timezone

from portal.counting import counted, listed
from portal.library.identity import is_another
from portal.library.models import Library, Track
from portal.library.names import name_key
from portal.library.presence import unchosen_libraries
from portal.plex_sync.removal import hindrance
from portal.plex_sync.staging import (
    ODD_NAMED,
    Listing,
    account_for,
    begin_listing,
    close_staging,
    open_staging,
    stage,
    unlisted,
)
from portal.plex_sync.storing import Taken, store_details, take, without_media
from portal.preferences.current import preferences
from portal.remote.plex import PlexLibrary, PlexServer, SkippedRow, TracksRead
from portal.runs.models import Run
from portal.runs.work import DONE, Outcome, RunFailedError, RunJob, Verdict, Work
from portal.teaching.members import read_again

# A library that changed while it was read is read once more at once; then people are told.
LISTINGS = 2
ANOTHER = Outcome(
    verdict=Verdict.SKIPPED, message="Its key in Plex went to another song while the sync ran: sync again."
)
# What a song is compared by, and what its file says: the rest of a row takes longer to read than Plex does to answer.
COMPARED = ("rating_key", "guid", "file", "part_key", "size_bytes", "title", "artist", "file_genres")
# Under this a sync's result keeps the ids of the libraries that were chosen then.
CHOSEN = "chosen"
# Rows that cannot be shown are odd songs up to this share of the library, or this number in a small one; more of them
# are an ill database.
MOST_SKIPPED_SHARE = 0.1
FEW_SKIPPED = 10
ROWS_NAMED = 5
MOST_ASKED_FOR = 1000
UNREADABLE = Outcome(
    verdict=Verdict.SKIPPED,
    message="Plex fails whenever it is asked for this song: refresh or repair it in Plex. What was known of it stays.",
)
VANISHED = Outcome(verdict=Verdict.SKIPPED, message="It vanished from Plex while the sync ran.")


class Syncing(Work):
    """Arguments: `libraries` (titles; none takes the setting) and `full` (full metadata of every track)."""

    # Five requests to Plex and one statement to the database: few enough to stop soon, enough for 100,000 songs.
    songs_at_once = 500

    def select_songs(self, job: RunJob) -> Iterable[int]:
        """Read the listings.

        1. Ask the server who it is, and refuse one that knows no genres on tracks.
        2. Stage each library's listing page by page.
        3. Store them together, for a song may have gone from one library to another: what is new or changed loses the
           time of its full metadata, and what a complete listing no longer has is marked.
        4. Look up the songs of the taught sets: playlists and collections change as well.
        5. Hand over the tracks without full metadata: also those that a crash left behind.
        """
        server = job.services.sync.check_server()
        if not server.supports_track_genres:
            raise RunFailedError(
                f"Plex Media Server {server.version} has no genres on tracks: update it to 1.40.0 or later."
            )
        existing = job.services.sync.list_libraries()
        rows = [_library_row(server, chosen) for chosen in _chosen(job, existing)]
        vanished = _vanished(server, existing)
        open_staging()
        try:
            notes = self._read(job, rows, vanished)
        finally:
            close_staging()
        notes += read_again(job.services.sync)
        notes += _left_alone(rows)
        chosen = Library.objects.exclude(pk__in=unchosen_libraries()).values_list("pk", flat=True)
        job.run.keep(notes=[note for note in notes if note], **{CHOSEN: sorted(chosen)})
        tracks = Track.objects.filter(library__in=rows, removed_time=None)
        if not job.run.arguments.get("full"):
            tracks = tracks.filter(last_synced=None)
        return tracks.order_by("pk").values_list("pk", flat=True).iterator()

    def _read(self, job: RunJob, rows: Sequence[Library], vanished: Sequence[Library]) -> list[str]:
        """Store the listings; what there is to tell of them."""
        listings = [_list(job, row) for row in rows]
        job.report("Comparing with what is known", 1.0)
        hindrances = [hindrance(listing) for listing in listings]

        def still_there(rating_keys: list[str]) -> set[str]:
            return job.services.sync.read_tracks(rating_keys).present

        taken = take(listings, vanished=vanished, still_there=still_there)
        now = timezone.now()
        Library.objects.filter(pk__in=[row.pk for row in rows]).update(last_synced=now, removed_time=None)
        Library.objects.filter(pk__in=[row.pk for row in vanished], removed_time=None).update(
            removed_time=now
        )
        notes = [note for each in listings for note in _notes(each, taken)]
        if taken.handed:
            job.run.result["keys_changed_hands"] = taken.handed
        if skipped := sum(len(listing.skipped) for listing in listings):
            job.run.result["unreadable_rows"] = skipped
        return [*notes, *hindrances, *_notes_of_vanished(vanished, taken)]

    def work(self, job: RunJob, track_ids: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """Take the genres, locks and labels of some hundred tracks, a hundred in a request to Plex."""
        tracks = list(Track.objects.filter(pk__in=track_ids).only(*COMPARED))
        read = job.services.sync.read_tracks([track.rating_key for track in tracks])
        outcomes = {track.pk: _outcome(track, read) for track in tracks}
        done = [track for track in tracks if outcomes[track.pk] is DONE]
        store_details(
            {track.pk: read.found[track.rating_key].state for track in done},
            {track.pk: track.file_genres for track in done},
        )
        yield from outcomes.items()

    def summarise(self, run: Run) -> str:
        """What was seen, library by library."""
        return "; ".join(run.result.get("notes", ()))


def _outcome(track: Track, read: TracksRead) -> Outcome:
    if track.rating_key in read.unreadable:
        return UNREADABLE
    found = read.found.get(track.rating_key)
    if found is None:
        return VANISHED
    return ANOTHER if is_another(track, found) else DONE


def _list(job: RunJob, library: Library) -> Listing:
    """Stage a library's listing; once more where it changed meanwhile."""
    for _ in range(LISTINGS):
        listing = begin_listing(library)
        for page in job.services.sync.list_tracks(library.key):
            stage(listing, page)
            seen = f"{len(listing.rating_keys)} of {page.total_size} songs"
            job.report(f"Listing {library.title}: {seen}", listing.share)
            if len(listing.skipped) > max(FEW_SKIPPED, MOST_SKIPPED_SHARE * page.total_size):
                raise RunFailedError(_too_many(library, listing.skipped))
        if listing.whole:
            break
    if listing.skipped and listing.whole:
        _ask_for_unlisted(job, listing)
    return listing


def _ask_for_unlisted(job: RunJob, listing: Listing) -> None:
    """A row that cannot be shown may be a song that is known: none is removed before Plex was asked for it."""
    keys = unlisted(listing, MOST_ASKED_FOR + 1)
    if len(keys) <= MOST_ASKED_FOR:
        read = job.services.sync.read_tracks(keys)
        account_for(listing, read.found.values(), read.unreadable)


def _too_many(library: Library, skipped: Sequence[SkippedRow]) -> str:
    return (
        f"Plex fails for more than a tenth of “{library.title}”, so far for {len(skipped):,} rows, the first of them "
        f"{skipped[0]}: something is wrong with its database. See the log of Plex, and repair its database or library; "
        "nothing was changed here."
    )


def _notes(listing: Listing, taken: Taken) -> list[str]:
    library = listing.library
    new, removed = taken.new.get(library.pk, 0), taken.removed.get(library.pk, 0)
    songs = counted(len(listing.rating_keys), "song")
    found = f"{_complete_but(listing)}{library.title}: {songs}, {new:,} new, {removed:,} removed"
    empty = f"“{library.title}” has no songs: add music to it in Plex, then sync again."
    return [found, without_media(library), _odd(listing), "" if listing.rating_keys else empty]


def _complete_but(listing: Listing) -> str:
    """What Plex cannot show, before all the rest."""
    if not listing.skipped:
        return ""
    rows = listed(list(map(str, listing.skipped)), ROWS_NAMED)
    kept = (
        f" {', '.join(f'“{name}”' for name in listing.kept)} stays as it was known." if listing.kept else ""
    )
    return (
        f"Complete but for {len(listing.skipped)}: Plex fails whenever it is asked for {rows} of "
        f"“{listing.library.title}”; nothing was marked as removed for that.{kept} Refresh or repair the song in Plex. "
    )


def _odd(listing: Listing) -> str:
    """A sentence about songs of which Plex says what cannot be."""
    named = listed(listing.odd, ODD_NAMED, listing.odd_count)
    return f"Plex has values that cannot be, which stay unknown, of {named}" if listing.odd else ""


def _left_alone(read: Sequence[Library]) -> list[str]:
    """Of libraries that were read because somebody named them, and that are not chosen."""
    unchosen = unchosen_libraries()
    return [
        f"“{library.title}” was read and is left alone otherwise, for the setting plex_libraries does not name it"
        for library in read
        if library.pk in unchosen
    ]


def _notes_of_vanished(vanished: Sequence[Library], taken: Taken) -> list[str]:
    have = f"{counted(taken.handed, 'rating key')} in Plex {'has' if taken.handed == 1 else 'have'}"
    handed = (
        f"{have} another song than before: each song keeps what is known of it, under its new key, or as removed where "
        "it is nowhere"
    )
    moved = counted(taken.rekeyed, "song", verb=("has", "have"))
    rekeyed = f"{moved} a new key in Plex, with all that is known of {'it' if taken.rekeyed == 1 else 'them'}"
    gone = [
        f"“{library.title}” is no longer on the server: "
        f"its {counted(taken.removed[library.pk], 'song', verb=('is', 'are'))} kept as removed"
        for library in vanished
        if library.pk in taken.removed
    ]
    return [handed if taken.handed else "", rekeyed if taken.rekeyed else "", *gone]


def _chosen(job: RunJob, libraries: Sequence[PlexLibrary]) -> list[PlexLibrary]:
    known = ", ".join(f"“{library.title}”" for library in libraries)
    if not libraries:
        raise RunFailedError("The Plex server has no music library: add one in Plex, then sync again.")
    wanted = job.run.arguments.get("libraries") or preferences().plex_libraries
    titles = {name_key(title) for title in wanted if title}
    chosen = [library for library in libraries if not titles or name_key(library.title) in titles]
    missing = titles - {name_key(library.title) for library in chosen}
    if missing:
        asked = ", ".join(f"“{title}”" for title in wanted if name_key(title) in missing)
        raise RunFailedError(f"There is no music library {asked} on the Plex server; there is {known}.")
    return chosen


def _library_row(server: PlexServer, library: PlexLibrary) -> Library:
    row, _ = Library.objects.update_or_create(
        server_id=server.machine_identifier, key=library.key, defaults={"title": library.title}
    )
    return row


def _vanished(server: PlexServer, existing: Sequence[PlexLibrary]) -> list[Library]:
    """Libraries that the server no longer has; those that it has are given the titles of today."""
    titles = {library.key: library.title for library in existing}
    known = list(Library.objects.filter(server_id=server.machine_identifier))
    for row in known:
        if titles.get(row.key, row.title) != row.title:
            Library.objects.filter(pk=row.pk).update(title=titles[row.key])
    return [row for row in known if row.key not in titles]
