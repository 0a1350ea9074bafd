"""Tiny random parts of diffusion pipelines, made by diffusers' and transformers' own classes, and the tiny tokenizers that go with them."""

import collections
import io
import json
import re
from pathlib import Path

import sentencepiece
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, FluxTransformer2DModel, SD3Transformer2DModel, UNet2DConditionModel
from tokenizers import pre_tokenizers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer, T5Config, T5EncoderModel, T5Tokenizer, T5TokenizerFast

CORPUS = """a lighthouse in a storm on a rocky coast at night, oil painting
a red fox sleeping in the snow, soft morning light
portrait of an old sailor with a white beard, highly detailed
a bowl of ripe fruit on a wooden table, still life, studio light
a castle above the clouds, fantasy art, trending, masterpiece
blurry, low quality, worst quality, bad anatomy, extra hands, watermark, text
a cat and a dog are playing with a ball in the green garden
city street in the rain, neon signs, reflections, photograph 35mm
the quick brown fox jumps over the lazy dog, don't stop, it's 1990
""".splitlines()

_clip_files: dict[str, tuple[str, str]] = {}
_spiece_files: dict[str, str] = {}


def byte_pairs(lines: list[str], count: int) -> list[str]:
    """The most frequent neighbours merged again and again; ties go by the alphabet, so that every run gives the same merges."""
    words = collections.Counter(word for line in lines for word in re.findall(r"[a-z]+|[0-9]|[^\sa-z0-9]+", line.lower()))
    split = {word: [*word[:-1], word[-1] + "</w>"] for word in words}
    merges: list[str] = []
    while len(merges) < count:
        pairs = collections.Counter()
        for word, times in words.items():
            for pair in zip(split[word], split[word][1:]):
                pairs[pair] += times
        if not pairs:
            break
        left, right = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(f"{left} {right}")
        for word, symbols in split.items():
            joined: list[str] = []
            for symbol in symbols:
                if joined and joined[-1] == left and symbol == right:
                    joined[-1] = left + right
                else:
                    joined.append(symbol)
            split[word] = joined
    return merges


def clip_tokenizer(work: Path, pad_token: str = "<|endoftext|>") -> CLIPTokenizer:
    """A CLIP byte-pair tokenizer in the slow layout: vocab.json and merges.txt."""
    if "clip" not in _clip_files:
        merges = byte_pairs(CORPUS, 200)
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        # "!" is id 0 as in CLIP's own vocabulary, because some tokenizers pad with it
        alphabet.remove("!")
        symbols = ["!", *alphabet]
        words = [*symbols, *(symbol + "</w>" for symbol in symbols), *(merge.replace(" ", "") for merge in merges)]
        vocab = {}
        for word in [*words, "<|startoftext|>", "<|endoftext|>"]:
            vocab.setdefault(word, len(vocab))
        folder = work / "clip"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf8")
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf8")
        _clip_files["clip"] = (str(folder / "vocab.json"), str(folder / "merges.txt"))
    return CLIPTokenizer(*_clip_files["clip"], pad_token=pad_token, model_max_length=77)


def t5_spiece(work: Path, rule: str) -> str:
    """A unigram model of sentencepiece with T5's special ids."""
    if rule not in _spiece_files:
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(CORPUS * 4), model_writer=model, model_type="unigram", vocab_size=150, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
            normalization_rule_name=rule, character_coverage=1.0, hard_vocab_limit=False, minloglevel=2,
        )  # fmt: skip
        path = work / f"spiece-{rule}.model"
        path.write_bytes(model.getvalue())
        _spiece_files[rule] = str(path)
    return _spiece_files[rule]


def t5_tokenizer(work: Path, fast: bool, length: int = 512):
    cls = T5TokenizerFast if fast else T5Tokenizer
    return cls(t5_spiece(work, "identity" if fast else "nmt_nfkc"), extra_ids=10, model_max_length=length, legacy=True)


def loud(module: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Gives embeddings and projections weights of order one, so that prompt, timestep and pooled vectors really move the result."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in module.named_parameters():
        if parameter.dim() < 2:
            if name.endswith("bias"):
                parameter.data = torch.randn(parameter.shape, generator=generator) * 0.1
            continue
        fan_in = parameter[0].numel()
        spread = 1.0 if "embed" in name and "proj" not in name and "linear" not in name and parameter.dim() == 2 else 1.3 / fan_in**0.5
        parameter.data = torch.randn(parameter.shape, generator=generator) * spread
    return module.eval()


def clip_encoder(tokenizer: CLIPTokenizer, width: int, projection: int | None, seed: int):
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=3, num_attention_heads=2, max_position_embeddings=77,
        hidden_act="quick_gelu" if projection is None else "gelu", projection_dim=projection or width, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return loud((CLIPTextModel if projection is None else CLIPTextModelWithProjection)(config), seed)


def t5_encoder(tokenizer, width: int, seed: int) -> T5EncoderModel:
    config = T5Config(vocab_size=len(tokenizer), d_model=width, d_kv=8, d_ff=2 * width, num_layers=2, num_heads=2, relative_attention_num_buckets=8,
                      feed_forward_proj="gated-gelu", dropout_rate=0.0)  # fmt: skip
    return loud(T5EncoderModel(config), seed)


def unet(cross: int, seed: int, channels: int = 4, **more) -> UNet2DConditionModel:
    model = UNet2DConditionModel(
        sample_size=8, in_channels=channels, out_channels=4, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=cross,
        attention_head_dim=2, **more,
    )  # fmt: skip
    return loud(model, seed)


def vae(channels: int, seed: int, levels: int = 3, **more) -> AutoencoderKL:
    model = AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=channels, block_out_channels=(4,) * (levels - 1) + (8,), layers_per_block=1, norm_num_groups=2,
        down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels, sample_size=32, **more,
    )  # fmt: skip
    return loud(model, seed)


def tiny_vae(seed: int) -> AutoencoderTiny:
    model = AutoencoderTiny(encoder_block_out_channels=(8, 8, 8), decoder_block_out_channels=(8, 8, 8), num_encoder_blocks=(1, 1, 1), num_decoder_blocks=(1, 1, 1))
    return loud(model, seed)


def sd3_transformer(text_width: int, pooled: int, seed: int) -> SD3Transformer2DModel:
    model = SD3Transformer2DModel(
        sample_size=8, patch_size=2, in_channels=16, num_layers=2, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=text_width,
        caption_projection_dim=16, pooled_projection_dim=pooled, out_channels=16, pos_embed_max_size=8,
    )  # fmt: skip
    return loud(model, seed)


def flux_transformer(text_width: int, pooled: int, guidance: bool, seed: int) -> FluxTransformer2DModel:
    model = FluxTransformer2DModel(
        patch_size=1, in_channels=64, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=text_width,
        pooled_projection_dim=pooled, guidance_embeds=guidance, axes_dims_rope=(4, 6, 6),
    )  # fmt: skip
    return loud(model, seed)
