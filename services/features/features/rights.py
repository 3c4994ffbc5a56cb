"""Who may call what of FeatureService."""

from runtime.rights import Role, Table, call

# A request may bring a song's bytes: it is as large as FEATURES_MAX_MESSAGE_BYTES allows.
MAY_CALL: Table = {
    "Extract": call(Role.PORTAL, Role.INFERENCE, request_bytes=None),
    "ExtractMany": call(Role.PORTAL, Role.INFERENCE, request_bytes=None),
    "GetCapabilities": call(Role.PORTAL, Role.INFERENCE),
}
