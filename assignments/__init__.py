"""The assignments that come with grader, one folder each."""
