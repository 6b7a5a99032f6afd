"""The sheets of other courses over the attention assignment."""
