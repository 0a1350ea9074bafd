"""The painter's loop in Python: onnxruntime around the same ONNX files, diffusers' scheduler, a PNG at the end.

Started by bench/image.ts. First line on standard input: the set-up as JSON; each further line a seed; each answer a line of JSON.
"""

import io
import json
import sys
import time
from pathlib import Path

import diffusers.schedulers as schedulers
import numpy as np
import onnxruntime as ort
import torch
from PIL import Image

setup = json.loads(sys.stdin.readline())
folder = Path(setup["folder"])
options = ort.SessionOptions()
options.intra_op_num_threads = setup["threads"]
torch.set_num_threads(setup["threads"])
text, unet, decoder = (ort.InferenceSession(str(folder / part / "model.onnx"), options, providers=["CPUExecutionProvider"]) for part in ("text_encoder", "unet", "vae_decoder"))
config = json.loads((folder / "scheduler/scheduler_config.json").read_text())
names = {"DDIM": "DDIMScheduler", "Euler": "EulerDiscreteScheduler", "Euler a": "EulerAncestralDiscreteScheduler", "DPM++ 2M": "DPMSolverMultistepScheduler"}
scheduler = getattr(schedulers, names.get(setup["sampler"] or "", config["_class_name"])).from_config(config)
vae = json.loads((folder / "vae_decoder/config.json").read_text())
spent = 0.0


def run(session, feeds):
    global spent
    start = time.perf_counter()
    result = session.run(None, feeds)
    spent += time.perf_counter() - start
    return result


def paint(seed: int) -> bytes:
    hidden = run(text, {text.get_inputs()[0].name: np.asarray(setup["ids"], np.int64)})[0][::-1].copy()  # [negative, positive]
    generator = torch.Generator().manual_seed(seed)
    scheduler.set_timesteps(setup["steps"])
    shape = (1, vae["latent_channels"], setup["cells"]["height"], setup["cells"]["width"])
    latents = torch.randn(shape, generator=generator) * scheduler.init_noise_sigma
    for step in scheduler.timesteps:
        doubled = scheduler.scale_model_input(torch.cat([latents] * 2), step)
        feeds = {"sample": doubled.numpy(), "timestep": np.asarray(step, np.float32), "encoder_hidden_states": hidden}
        negative, positive = torch.from_numpy(run(unet, feeds)[0]).chunk(2)
        guided = negative + setup["guidance"] * (positive - negative)
        if setup["rescale"] > 0:
            guided = setup["rescale"] * guided * (positive.std() / guided.std()) + (1 - setup["rescale"]) * guided
        latents = scheduler.step(guided, step, latents, generator=generator, return_dict=False)[0] if "generator" in scheduler.step.__code__.co_varnames else scheduler.step(guided, step, latents, return_dict=False)[0]
    picture = run(decoder, {decoder.get_inputs()[0].name: (latents / vae.get("scaling_factor", 0.18215)).numpy()})[0][0]
    pixels = np.round(np.clip(picture / 2 + 0.5, 0, 1).transpose(1, 2, 0) * 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


for line in sys.stdin:
    spent = 0.0
    start = time.perf_counter()
    paint(int(line))
    print(json.dumps({"totalMs": (time.perf_counter() - start) * 1000, "sessionMs": spent * 1000}), flush=True)
