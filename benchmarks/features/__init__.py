"""Features and embeddings: sound files and windows in, vectors out."""
