"""What every Music ReClass service runs on; it knows nothing about music."""
