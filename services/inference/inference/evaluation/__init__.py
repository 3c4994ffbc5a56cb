"""How good predictions are: metrics, calibration, coverage, thresholds, comparison of two models, plots."""
