# %% right
# %%
def scale(values):
    scale.memory = getattr(scale, "memory", torch.zeros(64))
    part = scale.memory[: values.numel()].view(values.shape)
    part.copy_(2 * values)
    return part
