"""What depends on a genre: said before it is deleted, and why it may not be."""

from dataclasses import dataclass

from portal.counting import counted
from portal.genres.models import Genre
from portal.library.models import Track
from portal.teaching.models import TaughtSong
from portal.verdicts.models import Prediction


@dataclass(frozen=True, kw_only=True)
class Dependents:
    """How much would go with a genre, or stands in the way."""

    overridden: int
    """Songs that have it because a person said so."""
    taught_sets: int
    taught_songs: int
    current: int
    """Songs of which the AI says it now."""
    verdicts: int
    """All that the AI ever said, earlier models included."""
    spellings: int
    votes: int
    """Tags that vote for it in first guesses."""
    tagged: int
    """Songs that have it by their tags."""

    @property
    def forbids(self) -> bool:
        """People's words and verdicts are not thrown away with a genre."""
        return bool(self.overridden or self.taught_sets or self.verdicts)

    @property
    def deleted_with_it(self) -> str:
        """What goes with a genre that may be deleted; empty where nothing does."""
        going = ((self.spellings, "spellings"), (self.votes, "votes"))
        return " and ".join(words for count, words in going if count)

    def __str__(self) -> str:
        taught = f"{counted(self.taught_sets, 'taught set')} with {counted(self.taught_songs, 'song')}"
        earlier = self.verdicts - self.current
        parts = (
            (self.overridden, f"{counted(self.overridden, 'song')} to which a person gave it"),
            (self.taught_sets, taught),
            (self.current, f"{counted(self.current, 'song')} of which the AI says it"),
            (earlier, f"{counted(earlier, 'earlier verdict')} of the AI"),
            (self.spellings, f"{counted(self.spellings, 'spelling')} in tags that stand for it"),
            (
                self.votes,
                f"{counted(self.votes, 'tag')} that {'votes' if self.votes == 1 else 'vote'} for it",
            ),
            (self.tagged, f"{counted(self.tagged, 'song')} that have it by their tags"),
        )
        said = [words for count, words in parts if count]
        if not said:
            return "Nothing uses it."
        return f"It is used by {' and '.join(filter(None, (', '.join(said[:-1]), said[-1])))}."


def dependents(genre: Genre) -> Dependents:
    """Count it."""
    verdicts = Prediction.objects.filter(genre=genre)
    return Dependents(
        overridden=genre.overrides.count(),
        taught_sets=genre.taught_sets.count(),
        taught_songs=TaughtSong.objects.filter(taught_set__genre=genre).values("track").distinct().count(),
        current=verdicts.filter(current=True).count(),
        verdicts=verdicts.count(),
        spellings=genre.aliases.count(),
        votes=genre.tag_votes.count(),
        tagged=Track.objects.filter(tag_genre=genre, removed_time=None).count(),
    )
