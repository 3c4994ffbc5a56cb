"""First guesses: a genre of each song from the tags that an embedding gives it, while no model has been trained."""
