"""The sheets of other courses over normalisation in transformers."""
