"""What students get wrong, as functions that are wrong in the same way."""
