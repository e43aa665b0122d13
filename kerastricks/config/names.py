"""What a mistyped or foreign name of a knob was meant for."""

import difflib

from kerastricks.config.sections import SECTION_OF


def unknown_name(name: str) -> str:
    """The message for a leaf that does not exist, with the nearest one."""
    near = nearest(name, list(SECTION_OF))
    hint = f" Did you mean {near}?" if near else ""
    return f"no such knob. Received: {name}.{hint}"


# What timm and torchvision call them.
ELSEWHERE = {
    "aa": "policy",
    "amp_dtype": "precision",
    "auto_augment": "policy",
    "b": "batch_size",
    "bce_loss": "loss",
    "clipnorm": "clip_grad",
    "clipvalue": "clip_grad",
    "cutmix_alpha": "cutmix",
    "decay_epochs_list": "decay_milestones",
    "global_clipnorm": "clip_grad",
    "grad_accum_steps": "accumulate",
    "gradient_accumulation_steps": "accumulate",
    "hflip": "flip",
    "img_size": "image_size",
    "lr": "learning_rate",
    "lr_base": "learning_rate",
    "lr_cycle_decay": "cycle_decay",
    "lr_cycle_mul": "cycle_mult",
    "lr_milestones": "decay_milestones",
    "lr_min": "min_lr",
    "lr_mode": "schedule",
    "lr_scheduler": "schedule",
    "lr_step_size": "decay_epochs",
    "lr_warmup_epochs": "warmup_epochs",
    "lr_warmup_method": "warmup",
    "model_ema": "ema",
    "model_ema_decay": "ema",
    "mixup_alpha": "mixup",
    "mixup_mode": "mix_per",
    "mixup_off_epoch": "mix_off_epochs",
    "mixup_prob": "mix_prob",
    "mixup_switch_prob": "mix_switch",
    "norm_weight_decay": "no_bias_decay",
    "opt_betas": "betas",
    "optimizer": "opt",
    "random_erase": "erasing",
    "ra_reps": "repeat_augment",
    "remode": "erasing_fill",
    "reprob": "erasing",
    "sched": "schedule",
    "smoothing": "label_smoothing",
    "use_ema": "ema",
    "warmup_prefix": "warmup_inside",
    "wd": "weight_decay",
}


def nearest(name: str, names: list[str]) -> str:
    """The name that was meant, or none."""
    name = name.replace("-", "_")
    if ELSEWHERE.get(name) in names:
        return ELSEWHERE[name]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return near[0] if near else ""
