"""MusiCNN of Pons and Serra, a network for tags of music whose weights are free; it runs in Triton."""
