"""Who may call what of SyncService."""

from runtime.rights import Role, Table, call

# Requests are keys and genres; answers may be large.
LARGEST_REQUEST_BYTES = 256 * 1024

# features decodes files from anywhere, and shall be able to do no more than read songs if one of them takes it over.
MAY_CALL: Table = {
    "CheckServer": call(Role.PORTAL),
    "ListLibraries": call(Role.PORTAL),
    "ListTracks": call(Role.PORTAL),
    "GetTracks": call(Role.PORTAL),
    "ReadAudio": call(Role.PORTAL, Role.FEATURES),
    "WriteGenres": call(Role.PORTAL),
    "SetConnection": call(Role.PORTAL),
    "GetConnection": call(Role.PORTAL),
    "ListPlaylists": call(Role.PORTAL),
    "ListCollections": call(Role.PORTAL),
    "ListMembers": call(Role.PORTAL),
}
