"""The denoiser: diffusers' own UNet2DConditionModel, small, that corrects what a sketch of the caption makes of the noisy latents."""

import torch
from torch import Tensor, nn

from .diffusion import scheduler
from .sketch import Sketch, framed
from .training import load_checkpoint

CONFIG = {
    'sample_size': 8, 'in_channels': 32, 'out_channels': 32, 'layers_per_block': 1, 'block_out_channels': (96, 192, 192), 'norm_num_groups': 16,
    'down_block_types': ('CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'),
    'up_block_types': ('CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'),
    'cross_attention_dim': 384, 'attention_head_dim': 3,
    # The whole caption also steers every residual block: that is how the net learns early what to paint; attention says where.
    'addition_embed_type': 'text', 'addition_embed_type_num_heads': 6,
}
OPEN = 0.15  # the variance of latents around the sketch's guess, of 1 in all


class Denoiser(nn.Module):
    """sample [b, 32, h, w], timestep, text [b, 24, 384] → v [b, 32, h, w].

    Were latents spread around the sketch's guess g like a Gaussian of variance OPEN, then with a² the timestep's alphas_cumprod
    and s² = 1 - a² the best v for x = a z + s ε would be s (a (1 - OPEN) x - g) / (a² OPEN + s²), and the error left would have a variance
    of OPEN / (a² OPEN + s²). The UNet adds what is missing, in units of that error: the preconditioning of Karras et al. 2022
    (arXiv 2206.00364, table 1) with a mean that the caption gives.
    """

    def __init__(self) -> None:
        from diffusers import UNet2DConditionModel
        from diffusers.models.attention_processor import AttnProcessor

        super().__init__()
        self.unet = UNet2DConditionModel(**{**CONFIG, 'in_channels': 2 * CONFIG['in_channels']})
        self.unet.set_attn_processor(AttnProcessor())  # on a CPU and with such short sequences a third faster than the fused kernel
        self.sketch = Sketch()
        self.register_buffer('alphas', scheduler().alphas_cumprod.float(), persistent=False)
        nn.init.zeros_(self.unet.conv_out.weight)
        fitted = load_checkpoint('sketch')
        if fitted:
            self.sketch.load_state_dict(fitted['average'])

    def _signal(self, timestep: Tensor) -> Tensor:
        """alphas_cumprod at a timestep, linear between two of them: [b or 1, 1, 1, 1]."""
        t = timestep.reshape(-1).float().clamp(0, 999)
        low = t.floor()
        high = (low + 1).clamp(max=999)
        return torch.lerp(self.alphas[low.long()], self.alphas[high.long()], t - low).view(-1, 1, 1, 1)

    def forward(self, sample: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        guess, signal = framed(self.sketch(text).to(sample.dtype), sample), self._signal(timestep)
        noise, spread = 1 - signal, signal * OPEN + 1 - signal
        base = noise.sqrt() * (signal.sqrt() * (1 - OPEN) * sample - guess) / spread
        return base + (OPEN / spread).sqrt() * self.unet(torch.cat([sample, guess], 1), timestep, text).sample


def make_unet() -> Denoiser:
    return Denoiser().to(memory_format=torch.channels_last)
