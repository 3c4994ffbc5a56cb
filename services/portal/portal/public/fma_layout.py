"""How the FMA data set lays out its two tables, as its own `utils.load` reads them."""

STATISTICS = ("kurtosis", "max", "mean", "median", "min", "skew", "std")
CURVES = {
    "chroma_cens": 12,
    "chroma_cqt": 12,
    "chroma_stft": 12,
    "mfcc": 20,
    "rmse": 1,
    "spectral_bandwidth": 1,
    "spectral_centroid": 1,
    "spectral_contrast": 7,
    "spectral_rolloff": 1,
    "tonnetz": 6,
    "zcr": 1,
}
VALUES: tuple[tuple[str, str, str], ...] = tuple(
    sorted(
        (feature, statistic, f"{number:02d}")
        for feature, curves in CURVES.items()
        for statistic in STATISTICS
        for number in range(1, curves + 1)
    )
)
"""Feature, statistic and number of each value, in the order in which vectors hold them; features has the same."""
VERSION = "fma-native-518/2"
"""The feature version of the published table's vectors, as features names it."""

TRACKS, FEATURES = "tracks.csv", "features.csv"
INDEX = "track_id"
TRACK_HEADER = 2
"""Rows of names; one more has the name of the first column alone."""
FEATURE_NAMES = ("feature", "statistics", "number")
"""What the first column says in each row of names of features.csv."""

SUBSETS = ("small", "medium", "large")
"""Each contains the one before; a track's row names the smallest that has it."""
SPLITS = ("training", "validation", "test")

ARCHIVE = "fma_metadata.zip"
ARCHIVE_MIB = 342
SOURCE = "https://github.com/mdeff/fma"
FOLDER = "fma_metadata"
GENRES = (
    "Blues",
    "Classical",
    "Country",
    "Easy Listening",
    "Electronic",
    "Experimental",
    "Folk",
    "Hip-Hop",
    "Instrumental",
    "International",
    "Jazz",
    "Old-Time / Historic",
    "Pop",
    "Rock",
    "Soul-RnB",
    "Spoken",
)
"""What genre_top says."""
REMEDY = (
    f"Give the folder {FOLDER} that {ARCHIVE} ({ARCHIVE_MIB} MiB, from {SOURCE}) is unpacked to, "
    f"with its {TRACKS} and {FEATURES} as they are."
)
UNPACK_AGAIN = f"The file is damaged or was changed: unpack {ARCHIVE} again."
