"""The noise schedule, the loss and the sampling loop: v-prediction with zero terminal SNR (Lin et al. 2024, arXiv 2305.08891)."""

import numpy as np
import torch
from torch import Tensor

SCHEDULER = {
    'num_train_timesteps': 1000, 'beta_start': 0.00085, 'beta_end': 0.012, 'beta_schedule': 'scaled_linear', 'prediction_type': 'v_prediction',
    'rescale_betas_zero_snr': True, 'timestep_spacing': 'trailing', 'clip_sample': False, 'set_alpha_to_one': True, 'steps_offset': 0,
}
STEPS, GUIDANCE, GUIDANCE_RESCALE = 20, 1.5, 0.5


def scheduler():
    from diffusers import DDIMScheduler

    return DDIMScheduler(**SCHEDULER)


class Noise:
    def __init__(self) -> None:
        self.lean = 0.7  # 1 draws every timestep alike
        self.alphas = scheduler().alphas_cumprod.float()
        snr = self.alphas / (1 - self.alphas)
        # Min-SNR weighting for v (Hang et al. 2023, arXiv 2303.09556) on the side of little noise. On the side of much noise the
        # weight stays high: 2048 independent numbers give a thing away at an SNR of a hundredth, so what the words must
        # bring is decided there, and there alone does the net have to know what a word looks like.
        self.weights = torch.where(snr < 5, 0.75, (5 / (snr + 1)).clamp_min(0.1))

    def loss(self, unet, latents: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and for the log the plain squared error of v."""
        # More often at much noise, where there is more to learn.
        t = (1000 * torch.rand(len(latents)) ** self.lean).long().clamp(0, 999)
        noise = torch.randn_like(latents)
        a = self.alphas[t].sqrt().view(-1, 1, 1, 1)
        s = (1 - self.alphas[t]).sqrt().view(-1, 1, 1, 1)
        with torch.autocast('cpu', torch.bfloat16):
            v = unet(a * latents + s * noise, t, text)
        error = (v.float() - (a * noise - s * latents)).square().mean((1, 2, 3))
        return (error * self.weights[t]).mean(), error.mean().detach()


def initial_noise(seed: int, height: int = 8, width: int = 8, channels: int = 32) -> Tensor:
    """The noise of a seed, as torch's CPU generator draws it for [1, channels, height, width]."""
    return torch.randn((1, channels, height, width), generator=torch.Generator('cpu').manual_seed(seed))


def sample(denoise, text: Tensor, empty: Tensor, noise: Tensor, steps: int = STEPS, guidance: float = GUIDANCE, rescale: float = GUIDANCE_RESCALE) -> Tensor:
    """DDIM with classifier-free guidance. `denoise(latents, t, text)` predicts v for a batch that holds the
    unconditioned half first. text, empty: [b, 24, 384]; noise: [b, 32, h, w]. Returns latents."""
    ddim = scheduler()
    ddim.set_timesteps(steps)
    x = noise
    for t in ddim.timesteps:
        both = denoise(torch.cat([x, x]), t, torch.cat([empty, text]))
        without, wished = both.chunk(2)
        v = without + guidance * (wished - without)
        if rescale:
            ratio = wished.std((1, 2, 3), keepdim=True) / v.std((1, 2, 3), keepdim=True)
            v = rescale * v * ratio + (1 - rescale) * v
        x = ddim.step(v, t, x).prev_sample
    return x


def grid(pictures: np.ndarray, columns: int, gap: int = 4) -> np.ndarray:
    """uint8 [n, h, w, 3] → one picture."""
    rows = -(-len(pictures) // columns)
    n, h, w, _ = pictures.shape
    sheet = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap, 3), 225, np.uint8)
    for i, picture in enumerate(pictures):
        y, x = i // columns * (h + gap), i % columns * (w + gap)
        sheet[y:y + h, x:x + w] = picture
    return sheet
