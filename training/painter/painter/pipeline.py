"""The shipped files in a plain Python loop: what the tests judge, and what the engine is compared with."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch

from . import paths
from .diffusion import GUIDANCE, GUIDANCE_RESCALE, STEPS, initial_noise, sample
from .text import TextEncoder
from .vae import to_pixels


class Painter:
    def __init__(self, folder: Path | None = None, threads: int = 2) -> None:
        folder = folder or paths.MODEL
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self._unet, self._decoder, self._encoder = (ort.InferenceSession(str(folder / part / 'model.onnx'), options, providers=['CPUExecutionProvider']) for part in ('unet', 'vae_decoder', 'vae_encoder'))
        self.text = TextEncoder(folder, threads)

    def _denoise(self, x: torch.Tensor, t, words: torch.Tensor) -> torch.Tensor:
        feed = {'sample': x.numpy(), 'timestep': np.array(float(t), np.float32), 'encoder_hidden_states': words.numpy()}
        return torch.from_numpy(self._unet.run(None, feed)[0])

    def decode(self, latents: torch.Tensor) -> np.ndarray:
        """uint8 [b, H, W, 3]."""
        return np.concatenate([to_pixels(torch.from_numpy(self._decoder.run(None, {'latent_sample': z.numpy()})[0])).numpy() for z in latents.split(8)])

    def encode(self, pictures: np.ndarray) -> torch.Tensor:
        """Latent means of uint8 [b, H, W, 3]."""
        sample_ = pictures.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
        return torch.from_numpy(np.concatenate([self._encoder.run(None, {'sample': part})[0][:, :32] for part in np.array_split(sample_, max(1, len(sample_) // 8))]))

    def latents(self, prompts: list[str], seeds: list[int], width: int = 256, height: int = 256, steps: int = STEPS, guidance: float = GUIDANCE, rescale: float = GUIDANCE_RESCALE, negative: str = '') -> torch.Tensor:
        noise = torch.cat([initial_noise(seed, height // 32, width // 32) for seed in seeds])
        words = torch.from_numpy(self.text.padded(prompts))
        empty = torch.from_numpy(self.text.padded([negative])).expand(len(prompts), -1, -1)
        return sample(self._denoise, words, empty, noise, steps, guidance, rescale)

    def paint(self, prompts: list[str], seeds: list[int], batch: int = 16, **options) -> np.ndarray:
        """uint8 [n, H, W, 3]. The noise of a picture depends on its own seed alone, whatever the batch."""
        return np.concatenate([self.decode(self.latents(prompts[i:i + batch], seeds[i:i + batch], **options)) for i in range(0, len(prompts), batch)])
