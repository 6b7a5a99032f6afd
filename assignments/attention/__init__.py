"""Attention: definitions, checks and examples of the assignment."""
