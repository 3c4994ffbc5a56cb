"""MusiCNN of Pons and Serra, as trained on the Million Song Dataset: its checkpoint and its network, in numpy alone."""
