"""From labelled songs to a calibrated head: data set, splits, model selection, fitting, label noise."""
