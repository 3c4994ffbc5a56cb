"""The 518 values of the FMA data set: librosa's spectral features and the moments of each over time."""
