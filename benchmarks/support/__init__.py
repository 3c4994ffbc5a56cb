"""What benchmarks share: databases and tables of any size, memory, targets."""
