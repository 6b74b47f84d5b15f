"""What can be told again of the past from what is stored: a decision, a training."""
