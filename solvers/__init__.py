"""Every method that needs no learning, and the compiled kernels."""
