"""Trajectories of every diffusers scheduler under a model that both languages can compute exactly.

Usage: python make_scheduler_goldens.py     (writes schedulers and schedulers-beta, each as .json and .f32, beside this script)

The model: o = 0.5·(scaled x) + pattern·t/1000, all in float32. The latents are [1, 4, 2, 2]: 16 numbers, torch's smallest vectorised draw.
schedulers.f32 holds for each case: the timesteps, then x after every call. A case that diffusers refuses, or that turns infinite, is left out and counted.
"""

import collections
import itertools
import json
import warnings
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers import (
    DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, DPMSolverSinglestepScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler, HeunDiscreteScheduler, LCMScheduler, LMSDiscreteScheduler, PNDMScheduler, UniPCMultistepScheduler,
)  # fmt: skip

warnings.simplefilter("ignore")
diffusers.logging.set_verbosity_error()
HERE = Path(__file__).parent
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
SHAPE = (1, 4, 2, 2)
PATTERN = torch.linspace(-1, 1, 16, dtype=torch.float32).reshape(SHAPE)
SEED = 3
cases: list[dict] = []
numbers: list[np.ndarray] = []
refused: collections.Counter = collections.Counter()


def run(cls, config: dict, steps: int, extra: dict | None = None, start: float | None = None) -> None:
    """`extra`: mu, sigmas, strength, originalSteps, eta, for the plan or the step; `start`: strength of an image-to-image run."""
    extra = extra or {}
    try:
        scheduler = cls(**config)
        plan = {key: extra[key] for key in ("mu", "strength") if key in extra}
        if "sigmas" in extra:
            plan["sigmas"] = extra["sigmas"]
        if "originalSteps" in extra:
            plan["original_inference_steps"] = extra["originalSteps"]
        scheduler.set_timesteps(steps, **plan)
        begin = 0
        if start is not None:
            begin = first_index(scheduler, steps, start)
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(begin)
        generator = torch.Generator().manual_seed(SEED)
        noise = torch.randn(SHAPE, generator=generator)
        timesteps = scheduler.timesteps[begin:]
        if start is None:
            x = noise * scheduler.init_noise_sigma if hasattr(scheduler, "init_noise_sigma") else noise
        elif isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
            x = scheduler.scale_noise(PATTERN, timesteps[:1], noise)
        else:
            x = scheduler.add_noise(PATTERN, noise, timesteps[:1])
        drawn = {"generator": generator} if cls in (DDIMScheduler, DDPMScheduler, EulerAncestralDiscreteScheduler, LCMScheduler, DPMSolverMultistepScheduler,
                                                    DPMSolverSinglestepScheduler, FlowMatchEulerDiscreteScheduler) else {}  # fmt: skip
        if "eta" in extra:
            drawn["eta"] = extra["eta"]
        trajectory = [x]
        for timestep in timesteps:
            scaled = scheduler.scale_model_input(x, timestep) if hasattr(scheduler, "scale_model_input") else x
            output = 0.5 * scaled + PATTERN * (timestep.to(torch.float32) / 1000)
            x = scheduler.step(output, timestep, x, return_dict=False, **drawn)[0]
            trajectory.append(x)
    except Exception as error:  # whatever diffusers refuses is not ours to support
        refused[f"{cls.__name__}: {type(error).__name__}"] += 1
        return
    values = torch.stack(trajectory).to(torch.float32).numpy().reshape(len(trajectory), -1)
    if not np.isfinite(values).all() or np.abs(values).max() > 1e6:
        refused[f"{cls.__name__}: not finite"] += 1
        return
    case = {"class": cls.__name__, "config": config, "steps": steps, "calls": len(timesteps)}
    if extra:
        case["extra"] = extra
    if start is not None:
        case["start"] = start
    cases.append(case)
    numbers.append(timesteps.to(torch.float32).numpy())
    numbers.append(values.reshape(-1))


def first_index(scheduler, steps: int, strength: float) -> int:
    """`get_timesteps` of the image-to-image pipelines."""
    if isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
        return int(max(steps - min(steps * strength, steps), 0))
    return max(steps - min(int(steps * strength), steps), 0) * scheduler.order


def variants(cls) -> list[dict]:
    sigmas = [{}, {"use_karras_sigmas": True}, {"use_exponential_sigmas": True}]
    zero = {"rescale_betas_zero_snr": True}
    match cls.__name__:
        case "DDIMScheduler":
            return [{"set_alpha_to_one": False, "clip_sample": False, "steps_offset": 1}, {"clip_sample": True}, {"clip_sample": False} | zero, {"thresholding": True, "sample_max_value": 1.5}]
        case "DDPMScheduler":
            return [{"clip_sample": False, "steps_offset": 1}, {"clip_sample": True, "variance_type": "fixed_large"}, {"clip_sample": False} | zero]
        case "PNDMScheduler":
            return [{"skip_prk_steps": True, "steps_offset": 1}, {"skip_prk_steps": False}, {"skip_prk_steps": True, "set_alpha_to_one": True}]
        case "EulerDiscreteScheduler":
            return [{"steps_offset": 1}, *sigmas[1:], zero, {"final_sigmas_type": "sigma_min"}, {"interpolation_type": "log_linear"}, {"timestep_type": "continuous"}]
        case "EulerAncestralDiscreteScheduler":
            return [{"steps_offset": 1}, zero]
        case "HeunDiscreteScheduler":
            return [{"steps_offset": 1}, *sigmas[1:], {"clip_sample": True}]
        case "LMSDiscreteScheduler":
            return [{"steps_offset": 1}, *sigmas[1:]]
        case "DPMSolverMultistepScheduler":
            sde = {"algorithm_type": "sde-dpmsolver++"}
            old = {"final_sigmas_type": "sigma_min"}
            return [
                {"steps_offset": 1}, *sigmas[1:], zero, {"solver_type": "heun"}, {"solver_order": 3}, {"solver_order": 1}, {"euler_at_final": True, **old}, {"use_lu_lambdas": True},
                {"lower_order_final": False}, {"lambda_min_clipped": -5.1}, {"thresholding": True, "sample_max_value": 1.5},
                sde, sde | sigmas[1], sde | sigmas[2], sde | {"solver_type": "heun"}, sde | {"solver_order": 3},
                {"algorithm_type": "dpmsolver"} | old, {"algorithm_type": "dpmsolver", "solver_order": 3} | old, {"algorithm_type": "sde-dpmsolver"} | old,
                {"algorithm_type": "sde-dpmsolver", "solver_type": "heun"} | old, {"algorithm_type": "dpmsolver", "solver_type": "heun"} | old,
            ]  # fmt: skip
        case "DPMSolverSinglestepScheduler":
            sde = {"algorithm_type": "sde-dpmsolver++"}
            old = {"final_sigmas_type": "sigma_min"}
            return [{}, *sigmas[1:], {"solver_type": "heun"}, {"solver_order": 3}, {"solver_order": 3, "solver_type": "heun"}, {"solver_order": 1}, {"lower_order_final": True} | old, old,
                    sde, sde | sigmas[1], sde | {"solver_type": "heun"}, sde | {"solver_order": 3}, sde | {"solver_order": 3, "solver_type": "heun"},
                    {"algorithm_type": "dpmsolver"} | old, {"algorithm_type": "dpmsolver", "solver_order": 3} | old]  # fmt: skip
        case "UniPCMultistepScheduler":
            return [{"steps_offset": 1}, *sigmas[1:], zero, {"solver_order": 3}, {"solver_order": 1}, {"solver_type": "bh1"}, {"predict_x0": False, "final_sigmas_type": "sigma_min"},
                    {"final_sigmas_type": "sigma_min", "lower_order_final": False}, {"final_sigmas_type": "sigma_min", "use_karras_sigmas": True}, {"disable_corrector": [0, 2]},
                    {"thresholding": True, "sample_max_value": 1.5}]  # fmt: skip
        case "LCMScheduler":
            return [{}, {"original_inference_steps": 100}, {"clip_sample": True}, zero]
    raise ValueError(cls)


SPACED = [DDIMScheduler, DDPMScheduler, PNDMScheduler, EulerDiscreteScheduler, EulerAncestralDiscreteScheduler, HeunDiscreteScheduler, LMSDiscreteScheduler,
          DPMSolverMultistepScheduler, UniPCMultistepScheduler]  # fmt: skip
STEPS = (20, 7, 4)


def main() -> None:
    for cls in SPACED:
        for index, variant in enumerate(variants(cls)):
            for prediction, spacing, steps in itertools.product(("epsilon", "v_prediction", "sample"), ("leading", "trailing", "linspace"), STEPS):
                if index > 4 and steps == 20 and spacing != "linspace":
                    continue  # rarely used settings: one spacing with many steps is enough
                run(cls, {**BETAS, "prediction_type": prediction, "timestep_spacing": spacing, **variant}, steps)
    for cls in (DPMSolverSinglestepScheduler, LCMScheduler):
        for variant, prediction, steps in itertools.product(variants(cls), ("epsilon", "v_prediction", "sample"), STEPS):
            run(cls, {**BETAS, "prediction_type": prediction, **variant}, steps)
    for eta, steps in itertools.product((0.5, 1.0), STEPS):
        run(DDIMScheduler, {**BETAS, "clip_sample": False, "steps_offset": 1}, steps, {"eta": eta})
    for schedule, cls in itertools.product(("linear", "squaredcos_cap_v2"), (DDIMScheduler, EulerDiscreteScheduler, DPMSolverMultistepScheduler)):
        run(cls, {"beta_schedule": schedule}, 7)
    for schedule in ("sigmoid", "laplace"):
        run(DDPMScheduler, {"beta_schedule": schedule}, 7)
    run(HeunDiscreteScheduler, {"beta_schedule": "exp"}, 7)
    run(DPMSolverMultistepScheduler, {"beta_schedule": "squaredcos_cap_v2", "use_karras_sigmas": True}, 7)
    for strength, steps in itertools.product((0.5, 0.8), (10, 4)):
        run(LCMScheduler, {**BETAS}, steps, {"strength": strength})
    run(LCMScheduler, {**BETAS}, 8, {"originalSteps": 200})
    flow_cases()
    for cls in [*SPACED, DPMSolverSinglestepScheduler, LCMScheduler]:
        for strength, steps in itertools.product((0.35, 0.6, 1.0), (20, 7)):
            more = {"skip_prk_steps": True} if cls is PNDMScheduler else {}
            run(cls, {**BETAS, **more}, steps, start=strength)
    write("schedulers")
    for cls in (EulerDiscreteScheduler, HeunDiscreteScheduler, LMSDiscreteScheduler, DPMSolverMultistepScheduler, DPMSolverSinglestepScheduler, UniPCMultistepScheduler,
                FlowMatchEulerDiscreteScheduler):  # fmt: skip
        betas = {} if cls is FlowMatchEulerDiscreteScheduler else BETAS
        for steps in STEPS:
            run(cls, {**betas, "use_beta_sigmas": True}, steps)
    write("schedulers-beta")


def write(name: str) -> None:
    versions = {"diffusers": diffusers.__version__, "torch": torch.__version__, "numpy": np.__version__}
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    head = json.dumps({"madeBy": "make_scheduler_goldens.py", "versions": versions, "seed": SEED, "shape": SHAPE, "leftOut": dict(refused)})
    (HERE / f"{name}.json").write_text(head[:-1] + ', "cases": [\n' + lines + "\n]}\n")
    (HERE / f"{name}.f32").write_bytes(np.concatenate(numbers).astype("<f4").tobytes())
    print(name, len(cases), refused)
    cases.clear()
    numbers.clear()
    refused.clear()


def flow_cases() -> None:
    cls = FlowMatchEulerDiscreteScheduler
    for config, steps in itertools.product(({}, {"shift": 3.0}, {"shift": 3.0, "use_karras_sigmas": True}, {"use_exponential_sigmas": True}, {"shift_terminal": 0.1},
                                            {"stochastic_sampling": True, "shift": 3.0}, {"invert_sigmas": True}), STEPS):  # fmt: skip
        run(cls, dict(config), steps)
    for steps in STEPS:
        levels = np.linspace(1.0, 1 / steps, steps).tolist()
        run(cls, {"shift": 1.0}, steps, {"sigmas": levels})
        for kind in ("exponential", "linear"):
            run(cls, {"shift": 3.0, "use_dynamic_shifting": True, "time_shift_type": kind}, steps, {"sigmas": levels, "mu": 1.15})
        run(cls, {"use_dynamic_shifting": True}, steps, {"mu": 0.63})
        for solver in (DPMSolverMultistepScheduler, DPMSolverSinglestepScheduler, UniPCMultistepScheduler):
            run(solver, {"use_flow_sigmas": True, "flow_shift": 3.0, "prediction_type": "flow_prediction"}, steps)
        for strength in (0.35, 0.6, 1.0):
            run(cls, {"shift": 3.0}, steps, start=strength)


main()
