"""Store -> device -> batches."""
