"""What a trained model is for: each file one use, a function on a run, with what the report shows of it."""
