"""Who may call what of InferenceService."""

from runtime.rights import Role, Table, call

# A labelled song brings its vectors, of several kinds perhaps.
SONG_BYTES = 4 * 1024 * 1024
ARTIST_BYTES = 16 * 1024 * 1024
# All of them at once. One too many would keep every later revocation from being told.
CALLERS_BYTES = 16 * 1024 * 1024

MAY_CALL: Table = {
    # These may bring a song's bytes: they are as large as INFERENCE_MAX_MESSAGE_BYTES allows.
    "ClassifyTrack": call(Role.PORTAL, Role.OPERATOR, Role.CALLER, request_bytes=None),
    "ClassifyTracks": call(Role.PORTAL, Role.OPERATOR, Role.CALLER, request_bytes=None),
    # An artist brings all of its songs.
    "DecideTracks": call(Role.PORTAL, Role.OPERATOR, Role.CALLER, request_bytes=ARTIST_BYTES),
    "GetStatus": call(Role.PORTAL, Role.OPERATOR, Role.CALLER),
    "ListModels": call(Role.PORTAL, Role.OPERATOR, Role.CALLER),
    "GetModel": call(Role.PORTAL, Role.OPERATOR, Role.CALLER),
    "Train": call(Role.PORTAL, Role.OPERATOR, request_bytes=SONG_BYTES),
    "Evaluate": call(Role.PORTAL, Role.OPERATOR, request_bytes=SONG_BYTES),
    # It names the songs of a library.
    "GetOutOfFoldPredictions": call(Role.PORTAL, Role.OPERATOR),
    "PromoteModel": call(Role.PORTAL, Role.OPERATOR),
    "RollbackModel": call(Role.PORTAL, Role.OPERATOR),
    # Every few seconds, so that a hand-over that was missed heals. A caller who holds every thread must not hold up his
    # own revocation.
    "SetCallers": call(Role.PORTAL, quiet=True, apart=True, request_bytes=CALLERS_BYTES),
}
