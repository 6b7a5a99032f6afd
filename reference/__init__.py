"""Reference implementations of the course's mathematics, one topic a file, in float64."""
