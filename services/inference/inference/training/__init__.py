"""From labelled songs to a calibrated head: data set, splits, fitting, selection, label noise, out-of-distribution distance."""
