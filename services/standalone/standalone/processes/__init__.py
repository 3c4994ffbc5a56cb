"""Programs as processes: started, watched, started again when they die, and stopped in order."""
