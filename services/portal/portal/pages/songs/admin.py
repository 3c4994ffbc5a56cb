"""Libraries and songs in the admin."""

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from portal.library.annotations import FIELDS, with_prediction, with_verdicts
from portal.library.models import Analysis, Library, Track
from portal.library.presence import is_not_chosen
from portal.library.similarity import nearest, space
from portal.library.tag_agreement import agreement
from portal.pages import badges
from portal.pages.page_admin import KeptAdmin, PageAdmin, column
from portal.pages.songs import actions, audio, filters, judge_page, search, song_page
from portal.pages.songs.place import Place, kept, place_of
from portal.pages.songs.song_list import SongList, SongPaginator


@admin.register(Track)
class TrackAdmin(PageAdmin):
    """The songs: what the AI says, what the tags say, what stands in Plex."""

    page_template = "portal/track.html"
    empty_advice = "Read the library from Plex: “Sync now” on the dashboard."
    actions: ClassVar[Any] = actions.ACTIONS
    list_display = (
        "named",
        "artist",
        "album",
        "genre",
        "sure",
        "plex_tag",
        "agrees",
        "analysed",
        "plex_state",
    )
    search_fields = ("search_text",)
    search_help_text = "Title, artist, album, file, tag or genre"
    list_filter = (
        filters.GenreFilter,
        filters.FirstGuessFilter,
        filters.ConfidenceFilter,
        filters.AgreementFilter,
        filters.WriteKindFilter,
        filters.SuspectedLabelErrorFilter,
        ("analysis", ChoicesDropdownFilter),
        ("in_plex", filters.InPlexFilter),
        filters.StaleFilter,
        filters.WeightsFilter,
        filters.OverrideFilter,
        ("library", RelatedDropdownFilter),
        filters.PresenceFilter,
    )
    list_filter_submit = True
    list_fullwidth = True
    paginator = SongPaginator
    agrees = badges.badge_column(
        "AI and tag", "agreement", badges.AGREEMENT, ordering=agreement("said__genre")
    )
    plex_state = badges.badge_column("In Plex", "in_plex", badges.IN_PLEX)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Track]:
        return with_prediction(super().get_queryset(request))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return SongList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        track = super().get_object(request, object_id, from_field)
        return with_verdicts(Track.objects.filter(pk=track.pk)).first() if track else None

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Track], search_term: str
    ) -> tuple[QuerySet[Track], bool]:
        return search.found(queryset, search_term), False

    @admin.display(description="Title", ordering="title")
    def named(self, track: Track) -> str:
        return track.name

    @admin.display(description="Genre", ordering=FIELDS["effective_genre"])
    def genre(self, track: Any) -> SafeString | str:
        if track.override_genre:
            return format_html(
                '<span class="rc-genre">{}</span><span class="rc-badge rc-info" title="{}">set by a person</span>',
                track.override_genre,
                f"The AI says {track.ai_genre}."
                if track.ai_genre
                else "The AI has not classified this song.",
            )
        if track.first_guess_genre:
            return format_html(
                '<span class="rc-genre rc-guess">{}</span> {}', track.first_guess_genre, badges.FIRST_GUESS
            )
        if not track.ai_genre:
            return "–"
        if track.analysis == Analysis.OUT_OF_DISTRIBUTION:
            return format_html(
                '<span class="rc-genre rc-guess" title="{}">{}?</span>',
                badges.ANALYSIS[track.analysis].meaning,
                track.ai_genre,
            )
        return format_html('<span class="rc-genre">{}</span>', track.ai_genre)

    @admin.display(description="Confidence", ordering=FIELDS["ai_confidence"])
    def sure(self, track: Any) -> SafeString | str:
        if track.ai_confidence is None:
            return "–"
        return song_page.confidence_bar(
            track.ai_confidence, is_ood=track.analysis == Analysis.OUT_OF_DISTRIBUTION
        )

    @admin.display(description="Tag", ordering="tag_genre__name")
    def plex_tag(self, track: Any) -> SafeString | str:
        tags = ", ".join(track.plex_genres) or _of_file(track)
        if track.suspected_label_error:
            return format_html(
                '{} <span class="material-symbols-outlined rc-alert" title="{}">warning</span>',
                tags,
                "Worth a listen: a model that had no song of this artist in its training says another genre.",
            )
        return tags

    @admin.display(description="Analysis", ordering="analysis")
    def analysed(self, track: Any) -> SafeString:
        flags = song_page.flags(track, track.serving_versions)
        return format_html_join(" ", "{}", ((each,) for each in (badges.ANALYSIS[track.analysis], *flags)))

    def has_start_run_permission(self, request: HttpRequest) -> bool:
        """Of who changes songs, and may start runs as on the dashboard."""
        return self.has_change_permission(request) and request.user.has_perm("runs.change_run")

    def has_teach_permission(self, request: HttpRequest) -> bool:
        """Of who changes songs, and may make sets of them as on the page of taught sets."""
        return self.has_change_permission(request) and request.user.has_perm("teaching.add_taughtset")

    def get_urls(self) -> list[Any]:
        sound = self.admin_site.admin_view(self.audio, cacheable=True)
        alike = self.admin_site.admin_view(self.similar)
        return [
            path("<int:pk>/audio", sound, name="library_track_audio"),
            path("<int:pk>/similar", alike, name="library_track_similar"),
            *super().get_urls(),
        ]

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        return (("judge/", "library_track_judge", self.judge),)

    def judge(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """A song that a person is to judge; a POST is what they said of one."""
        self.refuse_without_rights(request)
        if request.method == "POST":
            judge_page.act(request)
            return redirect("admin:library_track_judge")
        return self.page(request, "portal/judge.html", opts=None, **judge_page.context(request))

    def audio(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The sound of a song, for a player."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return audio.answer(request, Track.objects.filter(pk=pk).first())

    def similar(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The songs that sound most like one: a page of its own, for it looks through all vectors."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        track = get_object_or_404(Track, pk=pk)
        found = {"track": track, "similar": nearest(track), "space": space()}
        return self.page(request, "portal/similar.html", title="Similar songs", original=track, **found)

    def page_context(self, request: HttpRequest, obj: Track) -> dict[str, Any]:
        return {
            **song_page.context(request, obj),
            "place": self._place(request, obj),
            "may_start": self.has_start_run_permission(request),
        }

    def page_post(self, request: HttpRequest, obj: Track) -> HttpResponse | None:
        if song_page.starts_a_run(request) and not self.has_start_run_permission(request):
            raise PermissionDenied
        place = self._place(request, obj)  # before what is done takes it out of a filtered list
        if not song_page.act(request, obj):
            return None
        if place and place.next and "next" in request.POST:
            return redirect(place.next)
        return redirect(self.page_url(obj) + kept(place, request))

    def _place(self, request: HttpRequest, obj: Track) -> Place | None:
        return place_of(request, obj.pk, self.get_changelist_instance)


@admin.register(Library)
class LibraryAdmin(KeptAdmin):
    """The music libraries that have been read.

    With one its songs would be deleted, and with them the ledger of what was written to Plex.
    """

    empty_advice = TrackAdmin.empty_advice
    list_display = ("title", "chosen", "song_count", "gone_count", "last_synced", "removed_time")
    search_fields = ("title",)
    song_count = column("Songs", "present")
    gone_count = column("Gone from Plex", "gone")

    def has_change_permission(self, request: HttpRequest, obj: Library | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Library]:
        gone = Q(tracks__removed_time__isnull=False)
        found: QuerySet[Library] = super().get_queryset(request)
        return found.annotate(
            present=Count("tracks", filter=~gone),
            gone=Count("tracks", filter=gone),
            is_left_alone=is_not_chosen("pk"),
        )

    @admin.display(description="Chosen", boolean=True)
    def chosen(self, library: Any) -> bool:
        return not library.is_left_alone


def _of_file(track: Track) -> SafeString | str:
    if not track.file_genres:
        return "–"
    return format_html(
        '<span class="rc-subtle" title="Plex has no genre of it; its file has this one.">{}</span>',
        ", ".join(track.file_genres),
    )
