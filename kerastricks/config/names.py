"""What a mistyped or foreign name of a knob was meant for."""

import difflib

from kerastricks.config.sections import SECTION_OF


def unknown_name(name: str) -> str:
    """The message for a leaf that does not exist, with the nearest one."""
    hint = meant(name, list(SECTION_OF), "")
    return f"no such knob. Received: {name}.{hint}"


CLOSE = 0.65  # of difflib: below that names have little in common


# What timm, torchvision, Keras, fast.ai call them.
ELSEWHERE = {
    "aa": "policy",
    "alpha": "mixup",
    "amp": "precision",
    "amp_dtype": "precision",
    "aug_repeats": "repeat_augment",
    "aug_splits": "jsd",
    "auto_augment": "policy",
    "b": "batch_size",
    "bce_loss": "loss",
    "class_weight": "class_weights",
    "clipnorm": "clip_grad",
    "clipvalue": "clip_grad",
    "crop_pct": "eval_crop",
    "cutmix_alpha": "cutmix",
    "decay_epochs_list": "decay_milestones",
    "distillation_alpha": "hard_weight",
    "distillation_type": "distill_loss",
    "ema_decay": "ema",
    "ema_momentum": "ema",
    "eps": "opt_eps",
    "epsilon": "opt_eps",
    "global_clipnorm": "clip_grad",
    "grad_accum_steps": "accumulate",
    "gradient_accumulation_steps": "accumulate",
    "gradient_clip_norm": "clip_grad",
    "hflip": "flip",
    "img_size": "image_size",
    "initial_checkpoint": "init_weights",
    "jsd_loss": "jsd",
    "kd_model_name": "teacher",
    "lr": "learning_rate",
    "lr_base": "learning_rate",
    "lr_base_scale": "lr_scaling",
    "lr_cycle_decay": "cycle_decay",
    "lr_cycle_mul": "cycle_mult",
    "lr_milestones": "decay_milestones",
    "lr_min": "min_lr",
    "lr_mode": "schedule",
    "lr_scheduler": "schedule",
    "lr_step_size": "decay_epochs",
    "lr_warmup_epochs": "warmup_epochs",
    "lr_warmup_method": "warmup",
    "max_lr": "learning_rate",
    "model_ema": "ema",
    "model_ema_decay": "ema",
    "mixup_alpha": "mixup",
    "mixup_mode": "mix_per",
    "mixup_off_epoch": "mix_off_epochs",
    "mixup_prob": "mix_prob",
    "mixup_switch_prob": "mix_switch",
    "norm_weight_decay": "no_bias_decay",
    "nproc_per_node": "devices",
    "num_gpus": "devices",
    "opt_betas": "betas",
    "optimizer": "opt",
    "pretrained": "finetune",
    "random_erase": "erasing",
    "ra_reps": "repeat_augment",
    "ratio": "crop_aspect",
    "remode": "erasing_fill",
    "reprob": "erasing",
    "scale": "crop_area",
    "sched": "schedule",
    "smoothing": "label_smoothing",
    "swa": "swa_epochs",
    "train_crop_size": "resize_schedule",
    "sync_batchnorm": "sync_bn",
    "use_ema": "ema",
    "val_crop_size": "image_size",
    "wd": "weight_decay",
    "world_size": "devices",
}


# What they have a flag for and no flag is needed for here.
INSTEAD = {
    "resume": "The same command goes on by itself",
    "warmup_prefix": "Warm-ups come first here, as with it; without it: "
    "--warmup_inside",
    "workers": "Threads are set by themselves",
    "num_workers": "Threads are set by themselves",
    "num_classes": "The data tells",
    "channels_last": "It is always on",
    "torchcompile": "Steps are always compiled",
    "pin_mem": "It is always so",
    "log_interval": "Progress is always shown",
}


def meant(name: str, names: list[str], dashes: str = "--") -> str:
    """A sentence with the name that was meant, or with what to do instead."""
    instead = INSTEAD.get(name.replace("-", "_"))
    if instead:
        return f" {instead}."
    near = nearest(name, names)
    if near:
        return f" Did you mean {dashes}{near}?"
    return " See --help." if dashes else ""


def nearest(name: str, names: list[str]) -> str:
    """The name that was meant, or none."""
    name = name.replace("-", "_")
    if ELSEWHERE.get(name) in names:
        return ELSEWHERE[name]
    near = difflib.get_close_matches(name, names, n=1, cutoff=CLOSE)
    return near[0] if near else ""
