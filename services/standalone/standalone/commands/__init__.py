"""`reclass up` and `reclass demo`, from a person's side."""
