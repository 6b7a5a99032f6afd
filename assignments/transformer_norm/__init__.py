"""Layer normalisation, its place in a transformer's block, and what that does to depth."""
