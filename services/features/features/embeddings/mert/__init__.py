"""MERT-v1 of m-a-p (95M, 330M), a music understanding model that runs in Triton."""
