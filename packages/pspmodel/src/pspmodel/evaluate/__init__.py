"""From scores to accuracies."""
