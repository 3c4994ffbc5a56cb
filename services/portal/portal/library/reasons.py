"""Why songs could not be analysed or classified: each reason with its number of songs and one of them."""

from dataclasses import dataclass

from django.db.models import Count, Min

from portal.library.models import Analysis, Track
from portal.library.presence import present


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Songs that share a reason."""

    code: str
    """As the services name it, for example TOO_SHORT."""
    songs: int
    example: str
    """One of them."""
    message: str
    """What was said of that one."""


def reasons(analysis: Analysis) -> list[Reason]:
    """Of the songs in Plex that are in this state; the most frequent reason first."""
    songs = Track.objects.filter(present(), analysis=analysis).order_by()
    groups = list(
        songs.values("analysis_reason").annotate(found=Count("pk"), first=Min("pk")).order_by("-found")
    )
    examples = Track.objects.in_bulk([group["first"] for group in groups])
    return [
        Reason(
            code=group["analysis_reason"],
            songs=group["found"],
            example=str(examples[group["first"]]),
            message=examples[group["first"]].analysis_message,
        )
        for group in groups
    ]
