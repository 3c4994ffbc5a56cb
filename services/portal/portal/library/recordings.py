"""What holds of a song when the recording behind it is another one than before."""

from portal.library.models import Analysis, Track

# A verdict of these stays when more is extracted from the same recording.
PREDICTED = (Analysis.CLASSIFIED, Analysis.PROVISIONAL, Analysis.OUT_OF_DISTRIBUTION)
ANALYSED = (Analysis.EXTRACTED, *PREDICTED)
# Its file was changed or is gone: what was extracted is not, or perhaps not, what the song is now.
OUTDATED = (Analysis.PENDING, Analysis.SKIPPED)


def forget_recording(track: Track) -> None:
    """Take the old recording off a song: what was said of it, out of fold too, does not hold any more. Unsaved."""
    track.predictions.update(current=False, out_of_fold=False, suspected_label_error=False)
    track.audio = None
