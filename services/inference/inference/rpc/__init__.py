"""InferenceService on the wire: servicers, messages, who may call, how many calls, and the client of the features service."""
