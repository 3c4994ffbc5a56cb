"""What `reclass train` shows before it learns: what there is of each genre, and what would help."""

from rich.console import Console
from rich.table import Table

from portal.verdicts.learnable import survey_genres, what_helps


def show_learnable(console: Console) -> None:
    """A table of genres, which of them cannot be learned and why, and what to do for those."""
    found = survey_genres()
    table = Table("genre", "labelled", "heard", "usable", "artists", "can be learned")
    for each in found.genres:
        numbers = (str(number) for number in (each.labelled, each.heard, each.usable, each.artists))
        table.add_row(each.genre, *numbers, f"no: {each.why_not}" if each.why_not else "yes")
    console.print(table)
    for sentence in what_helps(found):
        console.print(sentence, highlight=False, markup=False)
