"""InferenceService on the wire: servicers, messages, who may call, how many calls, the client of features."""
