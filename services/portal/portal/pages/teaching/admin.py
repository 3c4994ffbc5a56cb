"""Taught sets in the admin: made from a folder or a list in Plex, looked at, read again, taken away."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RelatedDropdownFilter

from portal.counting import counted
from portal.first_guess.reading import first_guesses
from portal.labels.tags import relabel
from portal.library.models import Track
from portal.library.presence import present
from portal.pages.badges import Badge, Tone
from portal.pages.page_admin import ListAdmin, column
from portal.pages.sentences import on_page
from portal.pages.teaching.forms import SetToTeach
from portal.remote.sync import sync_at_hand
from portal.teaching.list_reading import ListsInPlex
from portal.teaching.members import read
from portal.teaching.models import TaughtSet
from portal.teaching.plex_lists import lists_now
from portal.teaching.results import enough, told

SONGS_LISTED = 100


@admin.action(description="Read the songs again", permissions=["change"])
def read_sets_again(admin_: Any, request: HttpRequest, queryset: QuerySet[TaughtSet]) -> None:
    """Look up now which songs are in them."""
    with sync_at_hand(settings.RECLASS) as sync:
        lists = ListsInPlex(sync)
        for each in queryset.select_related("genre"):
            trouble = read(each, lists)
            if trouble:
                messages.error(request, f"{each} {trouble}")
            else:
                messages.success(request, f"{each}: {counted(each.songs.count(), 'song')}.")


@admin.register(TaughtSet)
class TaughtSetAdmin(ListAdmin):
    """The sets, with the number of their songs."""

    empty_advice = (
        "A set teaches a genre by songs that are of it: those of a folder, of a Plex playlist or collection, or songs "
        "that you tick in the list of songs."
    )
    list_display = ("genre", "source", "title", "song_count", "remark", "read_time", "what_is_wrong")
    list_display_links = ("title",)
    list_filter = (("genre", RelatedDropdownFilter),)
    list_filter_submit = True
    list_select_related = ("genre",)
    search_fields = ("title", "genre__name")
    actions: ClassVar[Any] = (read_sets_again,)
    readonly_fields = (
        "genre",
        "source",
        "title",
        "song_count",
        "remark",
        "read_time",
        "suspended_time",
        "what_is_wrong",
        "songs_listed",
    )
    fields = readonly_fields
    song_count = column("Songs", "counted")

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What goes with them in a line each, not song by song; the songs themselves stay."""
        _, counts, needed, protected = super().get_deleted_objects(objs, request)
        lines = [
            f"{each}: what is lost is that its songs are examples of {each.genre} ({each.songs.count():,} in it)"
            for each in objs
        ]
        return lines, counts, needed, protected

    def get_queryset(self, request: HttpRequest) -> QuerySet[TaughtSet]:
        found: QuerySet[TaughtSet] = super().get_queryset(request)
        return found.annotate(counted=Count("songs", filter=present("songs__track__")))

    @admin.display(description="Trouble", ordering="trouble")
    def what_is_wrong(self, taught_set: TaughtSet) -> SafeString:
        return format_html("<span>{}</span>", on_page(taught_set.trouble or "–"))

    @admin.display(description="Enough?")
    def remark(self, taught_set: Any) -> SafeString:
        if taught_set.suspended_time:
            why = "Nothing is learned from it: another list stands in its place in Plex."
            return Badge(text="suspended", tone=Tone.WARNING, meaning=why).html
        said = enough(taught_set.counted)
        if said.startswith("too few"):
            return Badge(text="too few", tone=Tone.WARNING, meaning=said).html
        return Badge(text="yes", tone=Tone.GOOD, meaning=said or "There are enough examples.").html

    @admin.display(description="Its songs")
    def songs_listed(self, taught_set: TaughtSet) -> SafeString:
        tracks = Track.objects.filter(present(), taught__taught_set=taught_set)
        return format_html_join(
            "",
            '<div><a class="rc-link" href="{}">{}</a></div>',
            (
                (reverse("admin:library_track_change", args=(each.pk,)), each)
                for each in tracks[:SONGS_LISTED]
            ),
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for genre and source on a page of its own."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        may_add = request.user.has_perm("genres.add_genre")
        form = SetToTeach(request.POST or None, lists=lists_now(), may_add=may_add)
        if form.is_valid():
            self._teach(request, form)
            return redirect("admin:teaching_taughtset_changelist")
        return self.page(
            request, "portal/teach.html", title="Teach a genre", form=form, guesses=first_guesses()
        )

    def _teach(self, request: HttpRequest, form: SetToTeach) -> None:
        with transaction.atomic():
            genre, new = form.taught_genre()
            taught_set = form.taught_set(genre)
        with sync_at_hand(settings.RECLASS) as sync:
            trouble = read(taught_set, ListsInPlex(sync))
        if new:
            relabel()  # its name may stand in tags
        if trouble:
            messages.error(request, f"{taught_set} {trouble}")
        messages.success(request, told(genre, new=new))
