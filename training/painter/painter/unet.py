"""The denoiser: diffusers' own UNet2DConditionModel, small."""

import torch

CONFIG = {
    'sample_size': 8, 'in_channels': 32, 'out_channels': 32, 'layers_per_block': 1, 'block_out_channels': (96, 192, 192), 'norm_num_groups': 16,
    'down_block_types': ('CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'),
    'up_block_types': ('CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'),
    'cross_attention_dim': 384, 'attention_head_dim': 3,
    # The whole caption also steers every residual block: that is how the net learns early what to paint; attention says where.
    'addition_embed_type': 'text', 'addition_embed_type_num_heads': 6,
}


def make_unet() -> torch.nn.Module:
    from diffusers import UNet2DConditionModel
    from diffusers.models.attention_processor import AttnProcessor

    unet = UNet2DConditionModel(**CONFIG)
    unet.set_attn_processor(AttnProcessor())  # on a CPU and with such short sequences a third faster than the fused kernel
    return unet.to(memory_format=torch.channels_last)
