"""Variational autoencoders: the bound term by term, a model, its bits per dimension."""
