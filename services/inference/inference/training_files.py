"""Names of the files by which a service and its training process talk; both sides import them, and nothing else."""

OPTIONS_FILE = "options.json"
FAILURE_FILE = "failure.json"
OUT_OF_FOLD_FILE = "out_of_fold.npz"
SONGS_FILE = "songs.json"
RIVAL_FILE = "rival.json"
COMPARISON_FILE = "comparison.json"
