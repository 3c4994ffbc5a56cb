"""What says of a song which genre it is: a person, a taught set, or its tags; and the tags that say nothing yet."""
