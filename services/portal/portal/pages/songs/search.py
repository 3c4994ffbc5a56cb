"""Searches songs as people read: in any case, with or without accents, by their texts, their tags and their genres."""

from collections.abc import Iterator
from itertools import islice

from django.db import models
from django.db.models import Q, QuerySet, Value
from django.utils.text import smart_split, unescape_string_literal

from portal.genres.models import Genre
from portal.library.models import Folded, Track
from portal.verdicts.models import Override, Prediction

# Each word is a condition of its own: of a text of thousands, the database would be busy for minutes.
MOST_WORDS = 30


def found(songs: "QuerySet[Track]", typed: str) -> "QuerySet[Track]":
    """Songs that have each word somewhere, the first 30 of them; what is in quotation marks is one word."""
    for word in islice(dict.fromkeys(words(typed)), MOST_WORDS):
        songs = songs.filter(_has(word))
    return songs


def words(typed: str) -> Iterator[str]:
    """What was typed, taken apart."""
    for part in smart_split(typed):
        quoted = len(part) > 1 and part[0] in "\"'" and part[-1] == part[0]
        yield unescape_string_literal(part) if quoted else part


def _has(word: str) -> Q:
    """In its texts and tags, or as its genre: the AI's, a person's, or the one that its tags stand for."""
    read = Folded(Value(word, models.TextField()))
    in_text = Q(search_text__contains=read)
    genres = list(
        Genre.objects.alias(read=Folded("name")).filter(read__contains=read).values_list("pk", flat=True)
    )
    if not genres:
        return in_text
    said = Prediction.objects.filter(current=True, genre__in=genres)
    decided = Override.objects.filter(genre__in=genres)
    return (
        in_text
        | Q(tag_genre__in=genres)
        | Q(pk__in=said.values("track_id"))
        | Q(pk__in=decided.values("track_id"))
    )
