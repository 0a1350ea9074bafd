"""The denoiser: diffusers' own UNet2DConditionModel, small, that sees the sketch of its caption beside the noisy latents."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .sketch import Places, Sketch, load, load_places

CONFIG = {
    'sample_size': 8, 'in_channels': 32, 'out_channels': 32, 'layers_per_block': 1, 'block_out_channels': (96, 192, 192), 'norm_num_groups': 16,
    'down_block_types': ('CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'),
    'up_block_types': ('CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'),
    'cross_attention_dim': 384, 'attention_head_dim': 3,
    # The whole caption also steers every residual block: that is how the net learns early what to paint; attention says where.
    'addition_embed_type': 'text', 'addition_embed_type_num_heads': 6,
}


class Denoiser(nn.Module):
    """sample [b, 32, h, w], timestep, text [b, 24, 384] → v [b, 32, h, w]."""

    def __init__(self) -> None:
        from diffusers import UNet2DConditionModel
        from diffusers.models.attention_processor import AttnProcessor

        super().__init__()
        self.unet = UNet2DConditionModel(**{**CONFIG, 'in_channels': 2 * CONFIG['in_channels']})
        self.unet.set_attn_processor(AttnProcessor())  # on a CPU and with such short sequences a third faster than the fused kernel
        self.sketch = load() or Sketch()
        self.places = load_places() or Places()

    def guess(self, text: Tensor) -> Tensor:
        """What the caption alone says of the picture: [b, 32, 8, 8]."""
        return self.sketch(text) + self.places(text)

    def forward(self, sample: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        return self.denoise(sample, timestep, text, self.guess(text))

    def denoise(self, sample: Tensor, timestep: Tensor, text: Tensor, guess: Tensor) -> Tensor:
        # Wide and tall pictures stretch the guess, which is made for a square.
        guess = F.interpolate(guess.to(sample.dtype), size=sample.shape[2:], mode='bilinear', align_corners=False)
        return self.unet(torch.cat([sample, guess], 1), timestep, text).sample


def make_unet() -> Denoiser:
    return Denoiser().to(memory_format=torch.channels_last)
