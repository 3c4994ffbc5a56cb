"""The model in service: its heads in Triton, how it is promoted and rolled back, and what its state is."""
