"""Tiny random pipelines of every family, exported to ONNX, and what diffusers paints with them from a seed alone.

Usage: python make_tiny_pipelines.py [folder name ...]     (writes models/, cases/, pictures/ and manifest.json beside this script)
Versions that made the committed files are in manifest.json.
"""

import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

import diffusers
import numpy as np
import onnx
import torch
import transformers
from diffusers import (
    AutoencoderKL, DDIMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler,
    FluxImg2ImgPipeline, FluxInpaintPipeline, FluxPipeline, HeunDiscreteScheduler, LatentConsistencyModelImg2ImgPipeline, LatentConsistencyModelPipeline,
    LCMScheduler, PNDMScheduler, StableDiffusion3Img2ImgPipeline, StableDiffusion3InpaintPipeline, StableDiffusion3Pipeline, StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline, StableDiffusionPipeline, StableDiffusionXLImg2ImgPipeline, StableDiffusionXLInpaintPipeline, StableDiffusionXLPipeline,
    UniPCMultistepScheduler,
)  # fmt: skip
from optimum.exporters.onnx import main_export, onnx_export_from_model
from PIL import Image
from safetensors.torch import save_file

import onnx_parts as parts
from tiny_parts import clip_encoder, clip_tokenizer, flux_transformer, sd3_transformer, t5_encoder, t5_tokenizer, tiny_vae, unet, vae

HERE = Path(__file__).parent
MODELS = HERE / "models"
CASES = HERE / "cases"
PICTURES = HERE / "pictures"
WORK = Path(tempfile.mkdtemp())
SD_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
PROMPT = "a red fox sleeping in the snow"
NEGATIVE = "blurry, low quality"
manifest: list[dict] = []
asked = set(sys.argv[1:])


def pndm() -> PNDMScheduler:
    return PNDMScheduler(**SD_BETAS, skip_prk_steps=True, steps_offset=1, set_alpha_to_one=False, trained_betas=None)


# ---- pictures ---------------------------------------------------------------------------------------------------


def make_pictures() -> None:
    PICTURES.mkdir(exist_ok=True)
    for width, height in ((40, 32), (64, 64)):
        y, x = np.mgrid[0:height, 0:width]
        red = 255 * x / (width - 1)
        green = 255 * y / (height - 1)
        blue = 127 + 127 * np.sin(x / 3) * np.cos(y / 4)
        Image.fromarray(np.stack([red, green, blue], -1).round().astype(np.uint8)).save(PICTURES / f"init-{width}x{height}.png")
        mask = np.zeros((height, width), np.uint8)
        mask[height // 4 : height * 3 // 4, width // 2 :] = 255
        Image.fromarray(mask).save(PICTURES / f"mask-{width}x{height}.png")


def init_image(width: int = 40, height: int = 32) -> Image.Image:
    return Image.open(PICTURES / f"init-{width}x{height}.png").convert("RGB")


def mask_image(width: int = 40, height: int = 32) -> Image.Image:
    return Image.open(PICTURES / f"mask-{width}x{height}.png").convert("L")


# ---- writing ----------------------------------------------------------------------------------------------------


def save_case(name: str, folder: str, pipe, mode: str, seed: int, options: dict, facts: dict, count: int = 1) -> torch.Tensor:
    """Runs the pipeline and stores the latents after every step and the final picture as float32, one behind the other."""
    steps: list[np.ndarray] = []

    def keep(_pipe, _step, _time, values):
        steps.append(values["latents"].detach().float().numpy().copy())
        return {}

    pipe.set_progress_bar_config(disable=True)
    generators = [torch.Generator("cpu").manual_seed(seed + i) for i in range(count)]
    more = {"num_images_per_prompt": count} if count > 1 else {}
    with torch.no_grad():
        result = pipe(prompt=facts["prompt"], generator=generators if count > 1 else generators[0], callback_on_step_end=keep, output_type=facts.get("output", "np"),
                      **more, **options)  # fmt: skip
    image = result.images
    image = image.detach().float().numpy() if isinstance(image, torch.Tensor) else np.asarray(image, np.float32)
    assert np.isfinite(image).all() and image.std() > 0.02, (name, image.std())
    CASES.mkdir(exist_ok=True)
    if facts.get("sampler") not in (None, "PNDM") and "schedulerOverrides" not in facts:
        # from_config lets go of keys that only held a default, and pipelines turn clip_sample off: say what really counted
        facts = facts | {"schedulerOverrides": {key: pipe.scheduler.config[key] for key in ("timestep_spacing", "clip_sample") if key in pipe.scheduler.config}}
    latents = np.stack(steps).astype("<f4")
    (CASES / f"{name}.f32").write_bytes(latents.tobytes() + image.astype("<f4").tobytes())
    manifest.append({"name": name, "folder": folder, "mode": mode, "seed": seed, "count": count, **facts, "file": f"cases/{name}.f32",
                     "latentsShape": list(latents.shape), "imageShape": list(image.shape)})  # fmt: skip
    return torch.from_numpy(image)


def facts(scheduler: str | None, width: int, height: int, steps: int, guidance: float, negative: str | None = None, prompt: str = PROMPT, **more) -> dict:
    result = {"prompt": prompt, "negativePrompt": negative, "steps": steps, "guidanceScale": guidance, "sampler": scheduler, "width": width, "height": height}
    return result | more


def options(values: dict, sized: bool = True, guided: bool = True) -> dict:
    result = {"num_inference_steps": values["steps"]}
    if sized:
        result |= {"width": values["width"], "height": values["height"]}
    if guided:
        result["guidance_scale"] = values["guidanceScale"]
        if values["negativePrompt"] is not None:
            result["negative_prompt"] = values["negativePrompt"]
    if "strength" in values:
        result["strength"] = values["strength"]
    if "initImage" in values:
        result["image"] = init_image(values["width"], values["height"])
    if "mask" in values:
        result["mask_image"] = mask_image(values["width"], values["height"])
    return result


INIT = {"initImage": "pictures/init-40x32.png"}
MASK = {"mask": "pictures/mask-40x32.png"}


def optimum_export(pipe, name: str, task: str, keep_names: bool = False, **more) -> Path:
    source = WORK / name
    pipe.save_pretrained(source)
    target = MODELS / name
    parts.clean(target)
    if getattr(pipe, "text_encoder_3", 0) is None:  # from_pretrained refuses the folder without being told so
        onnx_export_from_model(type(pipe).from_pretrained(source, text_encoder_3=None, tokenizer_3=None), target, task=task, do_validation=False)
    else:
        main_export(str(source), str(target), task=task, do_validation=False, no_post_process=True, **more)
    for config in target.glob("**/*.json"):  # no paths of the machine that made them
        config.write_text(re.sub(r'\n\s*"_name_or_path": "/[^"]*",', "", config.read_text(encoding="utf8")), encoding="utf8")
    if not keep_names:
        for graph in target.glob("*/model.onnx"):
            parts.shrink(graph)
    return target


# ---- families ---------------------------------------------------------------------------------------------------


def stable_diffusion(seed: int, unet_model, scheduler, width: int = 12, tokenizer=None, vae_model=None, cls=StableDiffusionPipeline):
    tokenizer = tokenizer or clip_tokenizer(WORK)
    return cls(vae=vae_model or vae(4, seed + 2), text_encoder=clip_encoder(tokenizer, width, None, seed), tokenizer=tokenizer, unet=unet_model, scheduler=scheduler,
               safety_checker=None, feature_extractor=None, requires_safety_checker=False)  # fmt: skip


def make_sd1() -> None:
    pipe = stable_diffusion(100, unet(12, 101), pndm())
    optimum_export(pipe, "sd1", "text-to-image", keep_names=True)
    values = facts("PNDM", 40, 32, 6, 7.5, NEGATIVE)
    save_case("sd1-pndm", "sd1", pipe, "text-to-image", 42, options(values), values)
    values = facts(None, 40, 32, 4, 7.5)
    save_case("sd1-two-images", "sd1", pipe, "text-to-image", 7, options(values), values, count=2)
    config = pipe.scheduler.config
    samplers = [
        ("dpm-2m-karras", "DPM++ 2M Karras", DPMSolverMultistepScheduler.from_config(config, use_karras_sigmas=True)),
        ("euler-a", "Euler a", EulerAncestralDiscreteScheduler.from_config(config)),
        ("ddim", "DDIM", DDIMScheduler.from_config(config)),
        ("heun", "Heun", HeunDiscreteScheduler.from_config(config)),
        ("unipc", "UniPC", UniPCMultistepScheduler.from_config(config)),
    ]
    for short, name, scheduler in samplers:
        pipe.scheduler = scheduler
        values = facts(name, 40, 32, 5, 6.0, NEGATIVE)
        save_case(f"sd1-{short}", "sd1", pipe, "text-to-image", 1234, options(values), values)
    for short, name, scheduler in [("pndm", "PNDM", pndm()), *samplers]:
        painter = StableDiffusionImg2ImgPipeline(**{**pipe.components, "scheduler": scheduler}, requires_safety_checker=False)
        values = facts(name, 40, 32, 6, 7.5, NEGATIVE, strength=0.6, **INIT)
        save_case(f"sd1-img2img-{short}", "sd1", painter, "image-to-image", 11, options(values, sized=False), values)
    for short, strength, scheduler, name in (("full", 1.0, samplers[2][2], "DDIM"), ("partial", 0.7, samplers[1][2], "Euler a"), ("heun", 0.7, samplers[3][2], "Heun")):
        painter = StableDiffusionInpaintPipeline(**{**pipe.components, "scheduler": scheduler}, requires_safety_checker=False)
        values = facts(name, 40, 32, 6, 7.5, None, strength=strength, **INIT, **MASK)
        save_case(f"sd1-inpaint-{short}", "sd1", painter, "inpainting", 12, options(values), values)
    make_sd1_half(pipe)
    make_lora(pipe)


def make_sd1_half(pipe) -> None:
    pipe.scheduler = pndm()
    optimum_export(pipe, "sd1-fp16", "text-to-image", dtype="fp16")
    values = facts("DDIM", 40, 32, 4, 1.5, None, tolerance=0.02)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    save_case("sd1-fp16", "sd1-fp16", pipe, "text-to-image", 42, options(values), values)


def make_lora(pipe) -> None:
    """Low-rank updates of attention weights in both spellings; the reference picture has them merged: W + weight · alpha/rank · up·down."""
    generator = torch.Generator().manual_seed(55)
    rank, alpha, weight = 2, 1.0, 0.8
    kohya: dict[str, torch.Tensor] = {}
    named: dict[str, torch.Tensor] = {}
    saved = {}
    targets = [("unet", pipe.unet, ("to_q", "to_k", "to_v", "to_out.0", "proj_in")), ("text_encoder", pipe.text_encoder, ("q_proj", "v_proj", "fc1"))]
    for part, model, ends in targets:
        for name, module in model.named_modules():
            if not name.endswith(ends) or not hasattr(module, "weight"):
                continue
            matrix = module.weight
            down = torch.randn(rank, *matrix.shape[1:], generator=generator) * 0.4
            up = torch.randn(matrix.shape[0], rank, *([1] * (matrix.dim() - 2)), generator=generator) * 0.4
            delta = (up.flatten(1) @ down.flatten(1)).reshape(matrix.shape)
            key = ("lora_te_" if part == "text_encoder" else "lora_unet_") + name.replace(".", "_")
            kohya |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up, f"{key}.alpha": torch.tensor(alpha)}
            if part == "unet":  # diffusers' spelling has no alpha: it is folded into the up weight
                named |= {f"unet.{name}.lora.down.weight": down, f"unet.{name}.lora.up.weight": up * alpha / rank}
            saved[(part, name)] = (module, matrix.data.clone(), delta * alpha / rank)
    folder = HERE / "loras"
    folder.mkdir(exist_ok=True)
    save_file({key: tensor.contiguous() for key, tensor in kohya.items()}, folder / "kohya.safetensors")
    save_file({key: tensor.contiguous() for key, tensor in named.items()}, folder / "diffusers.safetensors")
    pipe.scheduler = DDIMScheduler.from_config(pndm().config)
    for short, keep in (("kohya", ("unet", "text_encoder")), ("diffusers", ("unet",))):
        for (part, _), (module, before, delta) in saved.items():
            module.weight.data = before + weight * delta if part in keep else before.clone()
        values = facts("DDIM", 40, 32, 4, 6.0, None, loras=[{"name": short, "weight": weight}])
        save_case(f"sd1-lora-{short}", "sd1", pipe, "text-to-image", 42, options(values), values)
    for module, before, _ in saved.values():
        module.weight.data = before


def make_sd2() -> None:
    scheduler = DDIMScheduler(**SD_BETAS, prediction_type="v_prediction", steps_offset=1, set_alpha_to_one=False, clip_sample=False, rescale_betas_zero_snr=False)
    tokenizer = clip_tokenizer(WORK, pad_token="!")
    pipe = stable_diffusion(200, unet(12, 201, use_linear_projection=True), scheduler, tokenizer=tokenizer)
    target = optimum_export(pipe, "sd2", "text-to-image")
    # the published repositories say one pad token in the config and another in the map, and the map wins
    path = target / "tokenizer" / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config.pop("added_tokens_decoder")
    path.write_text(json.dumps(config | {"pad_token": "<|endoftext|>"}, indent=2) + "\n")
    values = facts(None, 40, 32, 5, 7.5, NEGATIVE)
    save_case("sd2-ddim-v", "sd2", pipe, "text-to-image", 21, options(values), values)
    pipe.scheduler = EulerDiscreteScheduler.from_config(scheduler.config, timestep_spacing="trailing", rescale_betas_zero_snr=True)
    values = facts("Euler", 40, 32, 5, 7.5, None, guidanceRescale=0.7, schedulerOverrides={"timestep_spacing": "trailing", "rescale_betas_zero_snr": True})
    save_case("sd2-zero-snr", "sd2", pipe, "text-to-image", 22, options(values) | {"guidance_rescale": 0.7}, values)
    pipe.scheduler = scheduler
    painter = StableDiffusionImg2ImgPipeline(**pipe.components, requires_safety_checker=False)
    values = facts(None, 40, 32, 6, 7.5, NEGATIVE, strength=0.5, **INIT)
    save_case("sd2-img2img", "sd2", painter, "image-to-image", 23, options(values, sized=False), values)


def xl_parts(seed: int, refiner: bool) -> dict:
    first, second = clip_tokenizer(WORK), clip_tokenizer(WORK, pad_token="!")
    cross = 12 if refiner else 20
    ids = 5 if refiner else 6
    model = unet(cross, seed + 1, addition_embed_type="text_time", addition_time_embed_dim=4, projection_class_embeddings_input_dim=ids * 4 + 12,
                 transformer_layers_per_block=(1, 2), use_linear_projection=True)  # fmt: skip
    return {
        "vae": vae(4, 399, scaling_factor=0.13025), "text_encoder": None if refiner else clip_encoder(first, 8, None, seed + 2),
        "text_encoder_2": clip_encoder(second, 12, 12, 397), "tokenizer": None if refiner else first, "tokenizer_2": second, "unet": model,
        "scheduler": EulerDiscreteScheduler(**SD_BETAS, timestep_spacing="leading", steps_offset=1),
    }  # fmt: skip


def make_sdxl() -> None:
    components = xl_parts(300, refiner=False)
    pipe = StableDiffusionXLPipeline(**components, force_zeros_for_empty_prompt=True, add_watermarker=False)
    optimum_export(pipe, "sdxl", "text-to-image")
    values = facts(None, 40, 32, 5, 5.0)
    save_case("sdxl-no-negative", "sdxl", pipe, "text-to-image", 31, options(values), values)
    values = facts(None, 40, 32, 5, 5.0, NEGATIVE)
    save_case("sdxl-negative", "sdxl", pipe, "text-to-image", 31, options(values), values)
    values = facts("DPM++ 2M SDE Karras", 40, 32, 5, 5.0, NEGATIVE, clipSkip=1)
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(components["scheduler"].config, use_karras_sigmas=True, algorithm_type="sde-dpmsolver++")
    save_case("sdxl-clip-skip", "sdxl", pipe, "text-to-image", 32, options(values) | {"clip_skip": 1}, values)
    painter = StableDiffusionXLImg2ImgPipeline(**components, add_watermarker=False)
    values = facts(None, 40, 32, 6, 5.0, NEGATIVE, strength=0.5, **INIT)
    save_case("sdxl-img2img", "sdxl", painter, "image-to-image", 33, options(values, sized=False), values)
    painter = StableDiffusionXLInpaintPipeline(**components, add_watermarker=False)
    for short, strength in (("full", 0.9999), ("partial", 0.6)):
        values = facts(None, 40, 32, 6, 5.0, NEGATIVE, strength=strength, **INIT, **MASK)
        save_case(f"sdxl-inpaint-{short}", "sdxl", painter, "inpainting", 34, options(values), values)
    make_refiner(components)


def make_refiner(base: dict) -> None:
    components = xl_parts(400, refiner=True)
    pipe = StableDiffusionXLImg2ImgPipeline(**components, requires_aesthetics_score=True, force_zeros_for_empty_prompt=False, add_watermarker=False)
    optimum_export(pipe, "sdxl-refiner", "image-to-image")
    values = facts(None, 40, 32, 8, 5.0, NEGATIVE, strength=0.4, **INIT)
    save_case("sdxl-refiner-img2img", "sdxl-refiner", pipe, "image-to-image", 41, options(values, sized=False), values)
    first = StableDiffusionXLPipeline(**base, force_zeros_for_empty_prompt=True, add_watermarker=False)
    first.scheduler = EulerDiscreteScheduler.from_config(components["scheduler"].config)
    values = facts(None, 40, 32, 8, 5.0, NEGATIVE, denoisingEnd=0.6, output="latent")
    latents = save_case("sdxl-two-stage-base", "sdxl", first, "text-to-image", 42, options(values) | {"denoising_end": 0.6}, values)
    values = facts(None, 40, 32, 8, 5.0, NEGATIVE, denoisingStart=0.6, initLatents="cases/sdxl-two-stage-base.f32")
    save_case("sdxl-two-stage-refiner", "sdxl-refiner", pipe, "image-to-image", 42, options(values, sized=False) | {"image": latents, "denoising_start": 0.6}, values)


def make_turbo() -> None:
    pipe = stable_diffusion(500, unet(12, 501), EulerDiscreteScheduler(**SD_BETAS, timestep_spacing="trailing", steps_offset=1))
    target = optimum_export(pipe, "turbo", "text-to-image")
    parts.export_unet_int64(pipe.unet, 12, target / "unet" / "model.onnx")
    parts.shrink(target / "unet" / "model.onnx")
    for steps in (1, 3):
        values = facts(None, 40, 32, steps, 0.0)
        save_case(f"turbo-{steps}", "turbo", pipe, "text-to-image", 51, options(values), values)
    painter = StableDiffusionImg2ImgPipeline(**pipe.components, requires_safety_checker=False)
    values = facts(None, 40, 32, 4, 0.0, strength=0.5, **INIT)
    save_case("turbo-img2img", "turbo", painter, "image-to-image", 52, options(values, sized=False), values)


def make_lcm() -> None:
    pipe = stable_diffusion(600, unet(12, 601, time_cond_proj_dim=8), LCMScheduler(**SD_BETAS), cls=LatentConsistencyModelPipeline)
    optimum_export(pipe, "lcm", "text-to-image")
    values = facts(None, 40, 32, 4, 8.5)
    save_case("lcm-4", "lcm", pipe, "text-to-image", 61, options(values), values)
    painter = LatentConsistencyModelImg2ImgPipeline(**pipe.components, requires_safety_checker=False)
    values = facts(None, 40, 32, 4, 8.5, strength=0.5, **INIT)
    save_case("lcm-img2img", "lcm", painter, "image-to-image", 62, options(values, sized=False), values)


def make_inpaint9() -> None:
    pipe = stable_diffusion(700, unet(12, 701, channels=9), pndm(), cls=StableDiffusionInpaintPipeline)
    optimum_export(pipe, "sd1-inpaint9", "inpainting")
    for short, strength, name, scheduler in (("pndm", 1.0, None, pndm()), ("euler", 0.75, "Euler", EulerDiscreteScheduler.from_config(pndm().config))):
        pipe.scheduler = scheduler
        values = facts(name, 40, 32, 5, 7.5, NEGATIVE, strength=strength, **INIT, **MASK)
        save_case(f"sd1-inpaint9-{short}", "sd1-inpaint9", pipe, "inpainting", 71, options(values), values)


def make_tiny_vae() -> None:
    pipe = stable_diffusion(800, unet(12, 801), pndm(), vae_model=vae(4, 802))
    target = optimum_export(pipe, "sd1-taesd", "text-to-image")
    small = tiny_vae(803)
    for part in ("vae_encoder", "vae_decoder"):
        shutil.rmtree(target / part)
    parts.export_tiny_vae(small, target)
    pipe = StableDiffusionPipeline(**{**pipe.components, "vae": small}, requires_safety_checker=False)
    values = facts(None, 40, 32, 4, 7.5)
    save_case("sd1-taesd", "sd1-taesd", pipe, "text-to-image", 81, options(values), values)
    painter = StableDiffusionImg2ImgPipeline(**pipe.components, requires_safety_checker=False)
    values = facts("DDIM", 40, 32, 6, 7.5, strength=0.5, **INIT)
    painter.scheduler = DDIMScheduler.from_config(pndm().config)
    save_case("sd1-taesd-img2img", "sd1-taesd", painter, "image-to-image", 82, options(values, sized=False), values)


def make_old_layout() -> None:
    pipe = stable_diffusion(900, unet(12, 901), pndm(), vae_model=vae(4, 902, levels=4))
    target = MODELS / "sd1-old-layout"
    parts.clean(target)
    parts.export_old_layout(pipe, target, 12)
    for part in ("text_encoder", "vae_encoder", "vae_decoder", "safety_checker"):
        parts.shrink(target / part / "model.onnx")
    values = facts(None, 64, 64, 4, 7.5, NEGATIVE)
    save_case("sd1-old-layout", "sd1-old-layout", pipe, "text-to-image", 91, options(values), values)
    parts.clean(MODELS / "safety-blocks-all")
    parts.export_safety_checker(True, MODELS / "safety-blocks-all" / "model.onnx")
    parts.shrink(MODELS / "safety-blocks-all" / "model.onnx")


def sd3_parts(seed: int, with_t5: bool) -> dict:
    first, second = clip_tokenizer(WORK), clip_tokenizer(WORK, pad_token="!")
    third = t5_tokenizer(WORK, fast=False, length=256) if with_t5 else None
    return {
        "transformer": sd3_transformer(20, 16, seed + 1), "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0),
        "vae": vae(16, seed + 2, scaling_factor=1.5305, shift_factor=0.0609, use_quant_conv=False, use_post_quant_conv=False),
        "text_encoder": clip_encoder(first, 8, 8, seed + 3), "tokenizer": first, "text_encoder_2": clip_encoder(second, 8, 8, seed + 4), "tokenizer_2": second,
        "text_encoder_3": t5_encoder(third, 20, seed + 5) if with_t5 else None, "tokenizer_3": third,
    }  # fmt: skip


def make_sd3() -> None:
    for name, seed, with_t5 in (("sd3", 1000, True), ("sd3-no-t5", 1100, False)):
        components = sd3_parts(seed, with_t5)
        pipe = StableDiffusion3Pipeline(**components)
        optimum_export(pipe, name, "text-to-image")
        values = facts(None, 40, 32, 4, 7.0, NEGATIVE, **({"latentsTolerance": 0.002} if with_t5 else {}))
        save_case(f"{name}-text", name, pipe, "text-to-image", 101, options(values), values)
        if with_t5:
            painter = StableDiffusion3Img2ImgPipeline(**components)
            values = facts(None, 40, 32, 5, 7.0, strength=0.6, **INIT)
            save_case("sd3-img2img", name, painter, "image-to-image", 102, options(values), values)
            painter = StableDiffusion3InpaintPipeline(**components)
            for short, strength in (("full", 1.0), ("partial", 0.6)):
                values = facts(None, 40, 32, 5, 7.0, strength=strength, **INIT, **MASK)
                save_case(f"sd3-inpaint-{short}", name, painter, "inpainting", 103, options(values), values)


def make_flux() -> None:
    for name, seed, guidance in (("flux-dev", 1200, True), ("flux-schnell", 1300, False)):
        first = clip_tokenizer(WORK)
        second = t5_tokenizer(WORK, fast=True, length=512 if guidance else 256)
        scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True) if guidance else FlowMatchEulerDiscreteScheduler(shift=1.0)
        components = {
            "scheduler": scheduler, "vae": vae(16, seed + 2, scaling_factor=0.3611, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False),
            "text_encoder": clip_encoder(first, 12, None, seed + 3), "tokenizer": first, "text_encoder_2": t5_encoder(second, 20, seed + 4), "tokenizer_2": second,
            "transformer": flux_transformer(20, 12, guidance, seed + 1),
        }  # fmt: skip
        pipe = FluxPipeline(**components)
        optimum_export(pipe, name, "text-to-image")
        scale = 3.5 if guidance else 0.0
        length = {"max_sequence_length": 512 if guidance else 256}
        values = facts(None, 40, 32, 4, scale)
        save_case(f"{name}-text", name, pipe, "text-to-image", 111, options(values) | length, values)
        painter = FluxImg2ImgPipeline(**components)
        values = facts(None, 40, 32, 5, scale, strength=0.6, **INIT)
        save_case(f"{name}-img2img", name, painter, "image-to-image", 112, options(values) | length, values)
        if guidance:
            painter = FluxInpaintPipeline(**components)
            values = facts(None, 40, 32, 5, scale, strength=0.6, **INIT, **MASK)
            save_case(f"{name}-inpaint", name, painter, "inpainting", 113, options(values) | length, values)


def make_upscaler() -> None:
    parts.clean(MODELS / "upscaler-x2")
    module = parts.export_upscaler(MODELS / "upscaler-x2")
    pixels = torch.from_numpy(np.asarray(init_image(), np.float32) / 255).permute(2, 0, 1)[None]
    with torch.no_grad():
        enlarged = module(pixels)[0].permute(1, 2, 0).numpy()
    (CASES / "upscaler-x2.f32").write_bytes(enlarged.astype("<f4").tobytes())
    manifest.append({"name": "upscaler-x2", "folder": "upscaler-x2", "mode": "upscale", "initImage": INIT["initImage"], "file": "cases/upscaler-x2.f32",
                     "imageShape": [1, *enlarged.shape]})  # fmt: skip


def main() -> None:
    torch.set_num_threads(2)
    CASES.mkdir(exist_ok=True)
    make_pictures()
    for name, make in list(globals().items()):
        if name.startswith("make_") and name not in ("make_pictures", "make_sd1_half", "make_lora", "make_refiner") and (not asked or name[5:] in asked):
            print(name, flush=True)
            make()
    versions = {module.__name__: module.__version__ for module in (diffusers, transformers, torch, onnx, np)} | {"optimum-onnx": optimum_onnx_version()}
    path = HERE / "manifest.json"
    old = json.loads(path.read_text())["cases"] if asked and path.exists() else []
    fresh = {case["name"] for case in manifest}
    path.write_text(json.dumps({"madeBy": "make_tiny_pipelines.py", "versions": versions, "cases": [*(case for case in old if case["name"] not in fresh), *manifest]}, indent=1) + "\n")
    shutil.rmtree(WORK)


def optimum_onnx_version() -> str:
    from importlib.metadata import version

    return version("optimum-onnx")


if __name__ == "__main__":
    main()
