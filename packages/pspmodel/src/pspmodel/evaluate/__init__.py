"""From weights to scores, accuracies and what the features know."""
