"""Adversarial autoencoder: its losses, what each of them may train, and the law of its latents."""
