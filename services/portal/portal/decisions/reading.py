"""What people's judgements tell so far, as inference answers it; each answer is kept, for every page asks for it."""

import hashlib
import math
from uuid import UUID

from portal.counting import counted
from portal.decisions.evidence import model_in_service
from portal.decisions.judged import as_artists, judged_songs
from portal.preferences.current import preferences
from portal.registry.report_sentences import ASKED_FOR, NO_PROMISE, promised
from portal.remote.decisions import DecisionsClient
from portal.verdicts.models import Reading

AIM = 0.05
"""Half the width of the interval at which nobody needs to judge on."""
ENOUGH = 30
"""Judgements after which the interval begins to mean something."""


def current_reading(decisions: DecisionsClient) -> Reading:
    """Of all judgements, by the model in service. Raises RemoteError where inference has to be asked and cannot be."""
    songs, model = judged_songs(), model_in_service()
    mark = UUID(bytes=hashlib.md5(repr((model, songs)).encode(), usedforsecurity=False).digest())
    there = Reading.objects.filter(mark=mark).first()
    if there is not None:
        return there
    read = decisions.reading(as_artists(songs), preferences(), model=model)
    kept, _ = Reading.objects.get_or_create(mark=mark, defaults={"model": model, **vars(read)})
    return kept


def half_width(reading: Reading) -> float:
    """Of the interval of the share of wrong tags."""
    return (reading.wrong_share_high - reading.wrong_share_low) / 2


def judgements_to_go(reading: Reading) -> int:
    """About how many more bring the interval to `AIM`: it narrows with the root of their number."""
    if reading.judgements < ENOUGH:
        return ENOUGH - reading.judgements
    return max(0, math.ceil(reading.judgements * ((half_width(reading) / AIM) ** 2 - 1)))


def promise_sentence(reading: Reading) -> str:
    """What can be promised by what people have judged; empty while nobody has."""
    if not reading.judgements:
        return ""
    judged = f"By {counted(reading.judgements, 'judgement')}"
    if reading.promise_threshold is None:
        return f"{judged}, {ASKED_FOR:.0%} can be promised from no threshold on: {NO_PROMISE}."
    point = promised(reading.promise_threshold, reading.promise_coverage, reading.promise_accuracy_low)
    return f"{judged}, {point}."


def calibration_sentence(reading: Reading) -> str:
    """How true confidences are by what people have judged; empty while nobody has."""
    if not reading.judgements:
        return ""
    points = 100 * abs(reading.overconfidence)
    way = "high" if reading.overconfidence > 0 else "low"
    return (
        f"By {counted(reading.judgements, 'judgement')}, {reading.calibration_error:.3f}; confidences are "
        f"{points:.1f} points too {way} on the mean."
    )
