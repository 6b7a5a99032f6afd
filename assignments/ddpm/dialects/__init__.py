"""Other courses' sheets over the same assignment."""
