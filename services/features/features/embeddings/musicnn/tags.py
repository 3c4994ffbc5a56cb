"""The 50 tags whose probabilities MusiCNN tells, in the order of its outputs, and how common each is.

A network that was trained by cross-entropy says of a tag, on the mean over the music that it has learned from, how
common the tag is there. That music is the Million Song Dataset with the tags of Last.fm, in Keunwoo Choi's split
(github.com/keunwoochoi/MSD_split_for_tagging), which has no table of the tags' counts. So the shares are worked out
from the published checkpoint, where the optimiser has left its state (`benchmarks/features/tag_shares.py`):

1. The running mean of the squared gradient of a tag's bias is the variance of the network's error of that tag over the
   last 32,000 songs, divided by 32 songs of a batch and by the square of 50 tags.
2. An error has the variance p (1 - p), less the part that the network explains, which the spread of its logits tells.

Right within a third or so: enough for what they are for, which is to divide by. The ten commonest agree with the counts
of the whole data set (millionsongdataset.com/lastfm: rock 101,071, pop 69,159, alternative 55,777, indie 48,175,
electronic 46,270, female vocalists 42,565, dance 33,618, 00s 31,432) but for what has few strong votes, as 00s.
"""

from features.vectors import TagOutput

SHARES = {
    "rock": 0.21,
    "pop": 0.11,
    "alternative": 0.08,
    "indie": 0.13,
    "electronic": 0.11,
    "female vocalists": 0.076,
    "dance": 0.043,
    "00s": 0.014,
    "alternative rock": 0.038,
    "jazz": 0.063,
    "beautiful": 0.016,
    "metal": 0.028,
    "chillout": 0.03,
    "male vocalists": 0.013,
    "classic rock": 0.045,
    "soul": 0.052,
    "indie rock": 0.036,
    "Mellow": 0.014,
    "electronica": 0.026,
    "80s": 0.037,
    "folk": 0.052,
    "90s": 0.022,
    "chill": 0.01,
    "instrumental": 0.037,
    "punk": 0.041,
    "oldies": 0.03,
    "blues": 0.04,
    "hard rock": 0.033,
    "ambient": 0.026,
    "acoustic": 0.025,
    "experimental": 0.023,
    "female vocalist": 0.0091,
    "guitar": 0.013,
    "Hip-Hop": 0.025,
    "70s": 0.023,
    "party": 0.0048,
    "country": 0.041,
    "easy listening": 0.009,
    "sexy": 0.0054,
    "catchy": 0.0054,
    "funk": 0.024,
    "electro": 0.018,
    "heavy metal": 0.018,
    "Progressive rock": 0.025,
    "60s": 0.025,
    "rnb": 0.021,
    "indie pop": 0.016,
    "sad": 0.0056,
    "House": 0.017,
    "happy": 0.0035,
}
TAGS = tuple(TagOutput(name=name, reference_mean=share) for name, share in SHARES.items())
