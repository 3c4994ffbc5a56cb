"""Progressive voting on one song: stages, vectors, verdicts and the rule between the stages."""
