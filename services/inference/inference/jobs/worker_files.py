"""Names of the files by which a service and its training process talk; both sides import them, and nothing else."""

OPTIONS_FILE = "options.json"
FAILURE_FILE = "failure.json"
RIVAL_FILE = "rival.json"
COMPARISON_FILE = "comparison.json"
PARTS_FILE = "parts.npy"
EXAMINED_FILE = "examined.json"
