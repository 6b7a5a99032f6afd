"""The sheet of the made-up class: questions on variational autoencoders, and its mistakes."""

from __future__ import annotations

from grader.assignment import Assignment, Figure, Question, Signature
from grader.threshold import Threshold

CATALOGUE = {
    "kl/missing-half": "Your values are exactly twice too large: look at the constant in front.",
    "kl/log-std-as-log-var": "One of your inputs is read as if it were another: what does the "
    "second argument hold, a variance or a standard deviation, and where is the logarithm?",
    "kl/mean-over-batch": "One number comes back where one per image is asked: which axis do you "
    "reduce?",
    "reparam/shared-noise": "All images of a batch receive the same noise: what is its shape?",
    "bpd/nats": "The unit is nats: which base of the logarithm do bits have?",
    "loss/recon-mean-over-pixels": "The two terms of your loss are reduced differently.",
}

ASSIGNMENT = Assignment(
    title="Variational autoencoders",
    version=3,
    question=(
        Question(
            id="mc",
            sheet="1.2",
            title="Why Monte Carlo is inefficient here",
            points=2,
            rubric="1 point: names the variance of p(x | z) under the prior.\n"
            "1 point: says how it grows with the dimension of z.",
        ),
        Question(
            id="sample",
            sheet="1.3",
            title="Ancestral sampling",
            points=1,
            function=Signature(name="sample", arguments=("decoder", "n")),
        ),
        Question(
            id="gaussian-kl",
            sheet="2.1",
            title="KL of univariate Gaussians",
            points=2,
            function=Signature(name="gaussian_kl"),
        ),
        Question(
            id="kl",
            sheet="2.3",
            title="KL to the unit Gaussian",
            points=3,
            function=Signature(name="KLD", arguments=("mean", "log_std")),
            also=(Signature(name="kl_divergence", arguments=("mean", "log_var")),),
        ),
        Question(
            id="reparam",
            sheet="2.4",
            title="Reparameterisation",
            points=2,
            function=Signature(name="sample_reparameterize", arguments=("mean", "std")),
        ),
        Question(
            id="loss",
            sheet="2.5",
            title="The loss",
            points=2,
            requires=("kl",),
            function=Signature(name="elbo_loss"),
        ),
        Question(
            id="bpd",
            sheet="2.6",
            title="Bits per dimension",
            points=1,
            function=Signature(name="elbo_to_bpd", arguments=("elbo", "img_shape")),
        ),
        Question(
            id="bpd-test",
            sheet="2.8",
            title="Bits per dimension on held-out images",
            points=4,
            threshold=Threshold(metric="bpd", full=1.75, zero=2.60),
        ),
        Question(
            id="samples",
            sheet="2.9",
            title="Samples during training",
            points=1,
            figure=Figure(after="grid-samples", rows=8, columns=8),
        ),
        Question(
            id="manifold",
            sheet="2.10",
            title="The data manifold",
            points=2,
            function=Signature(name="visualize_manifold"),
        ),
    ),
)
