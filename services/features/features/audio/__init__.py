"""From a file to the excerpt that vectors are computed from: containers, decoders, resampling; and what a file says of itself."""
