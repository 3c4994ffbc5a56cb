"""What can be done to the songs that are ticked in the list."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from portal.counting import counted
from portal.labels.taken_guesses import guesses_to_take, tagged_guesses, take_back_guesses, take_guesses
from portal.ledger import exclusion
from portal.library.models import Track
from portal.orchestration.failed_songs import try_again
from portal.orchestration.start import start_classify, start_plan
from portal.pages.buttons import ask_for
from portal.pages.page_admin import ListAdmin
from portal.pages.songs.forms import GuessForm, OverrideForm, PlanForm
from portal.pages.teaching.chosen_songs import teach_with
from portal.pages.teaching.forms import GenreToTeach
from portal.preferences.current import preferences
from portal.verdicts.models import Prediction
from portal.verdicts.overrides import clear_override, set_override

AnyForm = TypeVar("AnyForm", bound=forms.Form)
# Songs that are named before something is done to all of them.
EXAMPLES = 10


def _ids(queryset: QuerySet[Track]) -> list[int]:
    return list(queryset.order_by().values_list("pk", flat=True))


def _ask(
    admin_: ListAdmin,
    request: HttpRequest,
    queryset: QuerySet[Track],
    form: forms.Form,
    title: str,
    button: str,
    example: Callable[[Any], str] = str,
) -> TemplateResponse:
    """A page with `form`; sending it comes back to the same action with the same songs."""
    count = queryset.count()
    return admin_.page(
        request,
        "portal/ask.html",
        title=title,
        form=form,
        button=button,
        count=counted(count, "song"),
        examples=[example(track) for track in queryset[:EXAMPLES]],
        more=max(0, count - EXAMPLES),
        action=request.POST["action"],
        select_across=request.POST.get("select_across", "0"),
        checkbox=ACTION_CHECKBOX_NAME,
        selected=request.POST.getlist(ACTION_CHECKBOX_NAME),
    )


def _form(request: HttpRequest, form_class: Callable[..., AnyForm], **initial: Any) -> AnyForm:
    return form_class(request.POST) if "asked" in request.POST else form_class(initial=initial)


@admin.action(description="Set the genre…", permissions=["change"])
def set_genre(admin_: ListAdmin, request: HttpRequest, queryset: QuerySet[Track]) -> HttpResponse | None:
    """A person's genre for all of them, asked for on a page of its own."""
    form = _form(request, OverrideForm)
    if not form.is_valid():
        return _ask(admin_, request, queryset, form, "Set the genre", "Set the genre")
    genre = form.cleaned_data["genre"]
    done = set_override(_ids(queryset), genre, note=form.cleaned_data["note"], user=request.user)
    messages.success(request, f"{genre} is now the genre of {counted(done, 'song')}.")
    return None


@admin.action(description="Clear the override", permissions=["change"])
def clear_genre(admin_: ListAdmin, request: HttpRequest, queryset: QuerySet[Track]) -> None:
    """The AI's genre counts again."""
    done = clear_override(_ids(queryset))
    messages.success(request, f"The AI's genre counts again for {counted(done, 'song')}.")


@admin.action(description="Take the first guess as the genre…", permissions=["change"])
def take_first_guess(
    admin_: ListAdmin, request: HttpRequest, queryset: QuerySet[Track]
) -> HttpResponse | None:
    """What was guessed becomes the person's word, for those that have no other, once it was asked for on a page."""
    ids = _ids(queryset)
    any_to_take = guesses_to_take(ids, tagged=True).exists()
    form = _form(request, partial(GuessForm, found=tagged_guesses(ids)))
    if any_to_take and not form.is_valid():
        to_take, title = guesses_to_take(ids, tagged=False), "Take the first guess as the genre"
        return _ask(admin_, request, to_take, form, title, "Take the guesses", _with_guess)
    tagged = any_to_take and form.cleaned_data.get("tagged", False)
    _say_what_was_taken(request, take_guesses(ids, tagged=tagged, user=request.user), len(ids))
    return None


def _with_guess(track: Any) -> str:
    return f"{track}: {track.first_guess.genre}"


def _say_what_was_taken(request: HttpRequest, taken: int, chosen: int) -> None:
    if taken:
        messages.success(
            request,
            f"The first guess is now the genre of {counted(taken, 'song')}, as your word: it is learned from and may "
            "be written to Plex. “Take back first guesses” takes it back, and nothing that was said by hand.",
        )
    if taken < chosen:
        left = counted(chosen - taken, "song", verb=("was", "were"))
        why = "without a first guess, decided already, or with a tag that counts"
        messages.warning(request, f"{left} left as before: {why}.")


@admin.action(description="Take back first guesses", permissions=["change"])
def take_back_first_guesses(admin_: ListAdmin, request: HttpRequest, queryset: QuerySet[Track]) -> None:
    """Guesses that were taken, and not said by hand since, are guesses again."""
    ids = _ids(queryset)
    done = take_back_guesses(ids)
    messages.success(
        request,
        f"The first guess is taken back of {counted(done, 'song')}; what was said by hand stays as it is.",
    )


@admin.action(description="Teach a genre with these…", permissions=["teach"])
def teach(admin_: ListAdmin, request: HttpRequest, queryset: QuerySet[Track]) -> HttpResponse | None:
    """They are examples of a genre, perhaps of a new one."""
    form = _form(request, partial(GenreToTeach, may_add=request.user.has_perm("genres.add_genre")))
    if not form.is_valid():
        return _ask(admin_, request, queryset, form, "Teach a genre", "Teach")
    messages.success(request, teach_with(form, _ids(queryset)))
    return None


@admin.action(description="Classify again", permissions=["start_run"])
def classify_again(admin_: ListAdmin, request: HttpRequest, queryset: QuerySet[Track]) -> None:
    """Classify them anew with the model in service."""
    ids = _ids(queryset)
    ask_for(request, lambda: start_classify(track_ids=ids, again=True))


@admin.action(description="Try failed and skipped ones again", permissions=["start_run"])
def extract_again(admin_: ListAdmin, request: HttpRequest, queryset: QuerySet[Track]) -> None:
    """Forget why they could not be analysed, and try."""
    ids = _ids(queryset)
    ask_for(request, lambda: try_again(ids))


@admin.action(description="Exclude from writing to Plex", permissions=["change"])
def exclude(admin_: ListAdmin, request: HttpRequest, queryset: QuerySet[Track]) -> None:
    """No plan takes them."""
    done = exclusion.exclude(_ids(queryset))
    messages.success(request, f"{counted(done, 'song')} will not be written to Plex.")


@admin.action(description="Include in writing to Plex again", permissions=["change"])
def include(admin_: ListAdmin, request: HttpRequest, queryset: QuerySet[Track]) -> None:
    """Plans may take them."""
    done = exclusion.include(_ids(queryset))
    messages.success(request, f"{counted(done, 'song')} may be written to Plex again.")


@admin.action(description="Plan a write batch (dry run)…", permissions=["start_run"])
def plan(admin_: ListAdmin, request: HttpRequest, queryset: QuerySet[Track]) -> HttpResponse | None:
    """A dry run over them: what would be written, song by song."""
    trials = Prediction.objects.filter(current=True, random_weights=True).exists()
    percent = Decimal(str(round(100 * preferences().write_confidence, 2)))
    form = _form(request, partial(PlanForm, trials=trials), percent=percent)
    if not form.is_valid():
        return _ask(admin_, request, queryset, form, "Plan a write batch", "Plan (dry run)")
    ids, least = _ids(queryset), float(form.cleaned_data["percent"]) / 100
    random_weights = bool(form.cleaned_data.get("random_weights"))
    ask_for(
        request,
        lambda: start_plan(
            track_ids=ids, min_confidence=least, user=request.user, random_weights=random_weights
        ),
    )
    return None


ACTIONS = (
    set_genre,
    take_first_guess,
    take_back_first_guesses,
    clear_genre,
    teach,
    classify_again,
    extract_again,
    plan,
    exclude,
    include,
)
