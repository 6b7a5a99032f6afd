"""Public checks of diffusion: each decides by definition, so students may have them.

Nothing of the reference is used: the forward chain is composed kernel by kernel, its posterior is
Bayes' rule on a grid, and divergences are integrated. Where noise is an argument nothing is left to
chance; what draws its own is judged by what the model is shown.
"""

from __future__ import annotations

from assignments.ddpm.forward_checks import (
    betas_grow_in_equal_steps,
    examples_are_noised_on_their_own,
    moments_are_those_of_the_chain,
    prior_kl_is_the_expected_log_ratio,
    prior_kl_vanishes_with_time,
    sample_is_that_of_the_chain,
    signal_and_noise_share_one_variance,
    signal_left_is_that_of_the_chain,
    signal_left_shrinks,
    step_draws_from_its_kernel,
    steps_compose_to_the_chain,
)
from assignments.ddpm.posterior_checks import (
    first_step_is_known,
    full_kl_is_the_expected_log_ratio,
    full_kl_is_zero_at_itself_only,
    knowing_more_leaves_less_doubt,
    posterior_is_by_bayes,
    posterior_joins_the_chain,
    posterior_variance_is_by_bayes,
)
from assignments.ddpm.reverse_checks import (
    loss_is_the_mean_squared_error,
    loss_moves_with_the_error,
    mean_is_that_of_the_posterior,
    model_sees_noised_data_and_its_time,
    only_the_last_step_is_silent,
    reverse_chain_retraces_the_forward_chain,
    reverse_step_draws_around_the_mean,
    x0_comes_back,
)
from assignments.ddpm.sampling_checks import (
    sampling_draws_at_every_step,
    sampling_leads_from_noise_to_the_last_mean,
    six_panels_lead_from_noise_to_data,
    training_draws_every_timestep,
    training_draws_fresh_noise,
    training_returns_the_loss_of_its_draws,
)

__all__ = [
    "betas_grow_in_equal_steps",
    "examples_are_noised_on_their_own",
    "first_step_is_known",
    "full_kl_is_the_expected_log_ratio",
    "full_kl_is_zero_at_itself_only",
    "knowing_more_leaves_less_doubt",
    "loss_is_the_mean_squared_error",
    "loss_moves_with_the_error",
    "mean_is_that_of_the_posterior",
    "model_sees_noised_data_and_its_time",
    "moments_are_those_of_the_chain",
    "only_the_last_step_is_silent",
    "posterior_is_by_bayes",
    "posterior_joins_the_chain",
    "posterior_variance_is_by_bayes",
    "prior_kl_is_the_expected_log_ratio",
    "prior_kl_vanishes_with_time",
    "reverse_chain_retraces_the_forward_chain",
    "reverse_step_draws_around_the_mean",
    "sample_is_that_of_the_chain",
    "sampling_draws_at_every_step",
    "sampling_leads_from_noise_to_the_last_mean",
    "signal_and_noise_share_one_variance",
    "signal_left_is_that_of_the_chain",
    "signal_left_shrinks",
    "six_panels_lead_from_noise_to_data",
    "step_draws_from_its_kernel",
    "steps_compose_to_the_chain",
    "training_draws_every_timestep",
    "training_draws_fresh_noise",
    "training_returns_the_loss_of_its_draws",
    "x0_comes_back",
]
