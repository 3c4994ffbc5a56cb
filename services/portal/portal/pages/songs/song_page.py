"""The page of one song: what is known of it, and the buttons on it."""

from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.counting import counted
from portal.decisions.deciding import inputs_changed
from portal.labels.tags import edits_of
from portal.ledger import exclusion
from portal.ledger.differences import difference
from portal.ledger.originals import original_genres
from portal.library.embeddings import kind_words
from portal.library.flags import flags_of
from portal.library.models import Analysis, InPlex, Track
from portal.library.stages import TRIAL_WARNING
from portal.orchestration.failed_songs import UNSUCCESSFUL, try_again
from portal.orchestration.start import start_classify
from portal.pages import badges
from portal.pages.buttons import ask_for
from portal.pages.songs.audio import player
from portal.pages.songs.forms import OverrideForm
from portal.registry.serving import serving_versions, whole_song_heads
from portal.remote.audio import FMA, made_by_random_weights
from portal.remote.verdicts import StageVerdict, kinds_of_head
from portal.verdicts.judgements import JUDGED, judged_together, judgement_count
from portal.verdicts.models import Decision, Judgement, Override, Prediction
from portal.verdicts.overrides import clear_override, set_override
from portal.verdicts.predictions import stage_verdicts


def tone(confidence: float, *, is_ood: bool = False) -> badges.Tone:
    """The colour of a confidence; of a song unlike all that was learned from it says nothing, however high it is."""
    if is_ood:
        return badges.Tone.QUIET
    if confidence >= 0.8:
        return badges.Tone.GOOD
    return badges.Tone.INFO if confidence >= 0.6 else badges.Tone.WARNING


def confidence_bar(confidence: float, *, is_ood: bool = False) -> SafeString:
    """A bar as long as the AI is sure; of a guess the number says nothing, and is not shown."""
    percent = f"{100 * confidence:.0f}"
    return format_html(
        '<span class="rc-meter" title="{}"><span class="rc-fill rc-{}" style="width:{}%"></span></span>'
        '<span class="rc-percent">{}</span>',
        badges.ANALYSIS[Analysis.OUT_OF_DISTRIBUTION].meaning if is_ood else f"{100 * confidence:.1f} % sure",
        tone(confidence, is_ood=is_ood),
        percent,
        "guess" if is_ood else f"{percent} %",
    )


def flags(track: Any, serving: Collection[str]) -> list[badges.Badge]:
    """What is true of a song in addition to its states, of those that `with_verdicts` gave."""
    removed = track.removed_time is not None
    found = flags_of(
        model_version=track.ai_model,
        removed=removed,
        serving=serving,
        random_weights=bool(track.ai_random_weights),
        not_chosen=track.not_chosen,
    )
    return [badges.FLAGS[each] for each in found]


def context(request: HttpRequest, track: Track) -> dict[str, Any]:
    """Everything that the page shows."""
    predictions = list(
        Prediction.objects.filter(track=track).select_related("genre").order_by("-created_time")
    )
    current = next((prediction for prediction in predictions if prediction.current), None)
    override = Override.objects.filter(track=track).select_related("genre", "by").first()
    return {
        "title": track.name,
        "track": track,
        "audio": track.audio,
        "player": player(track),
        "prediction": current,
        "percent": round(100 * current.confidence, 1) if current else None,
        "tone": tone(current.confidence, is_ood=track.analysis == Analysis.OUT_OF_DISTRIBUTION)
        if current
        else None,
        "stages": _stages(current) if current else (),
        **_decision(track),
        "trial_warning": TRIAL_WARNING if _used_random_weights(track) else "",
        "earlier": [prediction for prediction in predictions if not prediction.current],
        "override": override,
        "none_is_right": Judgement.objects.filter(track=track, genres=[]).select_related("by").first(),
        "judged_with": _judged_with(track),
        "first_guess": badges.FIRST_GUESS if getattr(track, "first_guess_genre", None) else None,
        "form": _form(request, override),
        "writes": _writes(track),
        "before_us": _before_us(track),
        "agreement": badges.AGREEMENT[getattr(track, "agreement", "no verdict")],
        "analysis": badges.ANALYSIS[track.analysis],
        "in_plex": badges.IN_PLEX[track.in_plex],
        "flags": flags(track, serving_versions()),
        "can_try_again": track.analysis in UNSUCCESSFUL and bool(track.file),
        "excluded": track.in_plex == InPlex.EXCLUDED,
    }


def _stages(prediction: Prediction) -> tuple[StageVerdict, ...]:
    whole = whole_song_heads(str(entry[1]) for entry in prediction.stages)
    words = kind_words()
    return stage_verdicts(
        prediction.stages, lambda head: words(kinds_of_head(head), whole_song=head in whole)
    )


# What is known with each source and those before it.
_KNOWN_WITH = {
    "sound": "Sound alone",
    "album": "With its album",
    "artist": "With its artist",
    "tags": "With its tags",
}


def _decision(track: Track) -> dict[str, Any]:
    """What the genre rests on, step by step, and what kind of write it would be."""
    decision = Decision.objects.filter(track=track).exclude(parts=[]).first()
    if decision is None:
        return {}
    is_used = decision.genre_id is not None
    parts = [
        {"words": _KNOWN_WITH.get(source, source), "genre": genre, "percent": round(100 * probability)}
        for source, genre, probability in decision.parts
    ]
    is_correction = decision.kind == Decision.Kind.CORRECTION
    judged_since = Judgement.objects.filter(created_time__gt=decision.decided_time)
    return {
        "genre_out_of_use": "" if is_used else decision.parts[-1][1],
        "judged_since": judgement_count(judged_since),
        "is_decided_anew_soon": inputs_changed() is not None,
        "parts": parts,
        "write_kind": badges.KIND.get(decision.kind, badges.NO_WRITE) if is_used else badges.NO_WRITE,
        "tag_right_percent": round(100 * decision.tag_probability),
        "tag_percent": round(100 * decision.tag_probability) if is_correction else None,
    }


def _used_random_weights(track: Track) -> bool:
    if track.audio is None:
        return False
    versions = track.audio.vectors.exclude(kind=FMA).values_list("version", flat=True)
    return any(map(made_by_random_weights, versions))


def starts_a_run(request: HttpRequest) -> bool:
    """Whether the pressed button does."""
    return "classify" in request.POST or "again" in request.POST


def act(request: HttpRequest, track: Track) -> bool:
    """Do what the pressed button says; False when its form was filled in wrongly."""
    if "clear" in request.POST:
        others = _judged_with(track)
        clear_override([track.pk])
        of_others = (
            f", also of {counted(others, 'other song')} that {'was' if others == 1 else 'were'} judged with it"
            if others
            else ""
        )
        messages.success(request, f"The AI's genre counts again{of_others}.")
    elif "classify" in request.POST:
        ask_for(request, lambda: start_classify(track_ids=[track.pk], again=True))
    elif "again" in request.POST:
        ask_for(request, lambda: try_again([track.pk]))
    elif "exclude" in request.POST:
        exclusion.exclude([track.pk])
        messages.success(request, "This song will not be written to Plex.")
    elif "include" in request.POST:
        exclusion.include([track.pk])
        messages.success(request, "This song may be written to Plex again.")
    else:
        return _save_override(request, track)
    return True


def _judged_with(track: Track) -> int:
    """How many other songs are taken back with what was said of this one: those of its album, judged at once."""
    return len(judged_together([track.pk]) - {track.pk})


def _save_override(request: HttpRequest, track: Track) -> bool:
    form = OverrideForm(request.POST)
    if not form.is_valid():
        return False
    genre = form.cleaned_data["genre"]
    set_override([track.pk], genre, note=form.cleaned_data["note"], user=request.user)
    messages.success(request, f"{genre} is now the genre of this song.")
    return True


def _form(request: HttpRequest, override: Override | None) -> OverrideForm:
    if request.method == "POST":
        return OverrideForm(request.POST)
    if override is None:
        return OverrideForm()
    # What is said by hand is neither a judgement nor a guess, whatever was said before.
    is_made = override.from_first_guess or override.note == JUDGED
    note = {} if is_made else {"note": override.note}
    return OverrideForm(initial={"genre": override.genre_id, **note})


def _before_us(track: Track) -> tuple[str, ...] | None:
    """The genres that Plex had before it was written to; None where nothing of ours stands there."""
    if track.in_plex != InPlex.WRITTEN:
        return None
    return original_genres(track.plex_genres, edits_of([track.pk]).get(track.pk, ()))


def _writes(track: Track) -> list[dict[str, Any]]:
    rows = track.writes.select_related("batch", "batch__by").order_by("-pk")
    return [
        {
            "row": row,
            "badge": badges.ROW[row.state],
            "kind": badges.KIND[row.kind],
            "difference": difference(row.before_genres, row.after_genres),
        }
        for row in rows
    ]
