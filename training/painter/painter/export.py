"""Writes models/pocket-painter: the Stable Diffusion ONNX layout as optimum writes it, weights stored small."""

import base64
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch

from . import paths
from .compact import compact
from .compose import Composer
from .concepts import load_concepts
from .diffusion import GUIDANCE, GUIDANCE_RESCALE, SCHEDULER, STEPS
from .latents import FOLDER as LATENTS
from .scenes import COLOR_WORDS, SCENES
from .text import FOLDER as TEXT
from .text import WIDTH, TextEncoder
from .training import load_checkpoint
from .unet import CONFIG, make_unet
from .vae import LATENT_CHANNELS, Decoder, Encoder, to_tensor

LATENT_LOGVAR = float(2 * np.log(0.06))  # the noise the decoder was trained to bear


class DenoiserGraph(torch.nn.Module):
    def __init__(self, unet) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, sample, timestep, encoder_hidden_states):
        return self.unet(sample, timestep, encoder_hidden_states)


class EncoderGraph(torch.nn.Module):
    """Latents leave with mean 0 and spread 1 in every channel, so that scaling_factor is 1."""

    def __init__(self, encoder, mean, std) -> None:
        super().__init__()
        self.encoder = encoder
        self.register_buffer('mean', mean)
        self.register_buffer('std', std)

    def forward(self, sample):
        mean = (self.encoder(sample) - self.mean) / self.std
        return torch.cat([mean, torch.zeros_like(mean) + LATENT_LOGVAR], 1)


class DecoderGraph(torch.nn.Module):
    def __init__(self, decoder, mean, std) -> None:
        super().__init__()
        self.decoder = decoder
        self.register_buffer('mean', mean)
        self.register_buffer('std', std)

    def forward(self, latent_sample):
        return self.decoder(latent_sample * self.std + self.mean)


def modules() -> dict[str, torch.nn.Module]:
    """The three trained graphs in float32, as they are exported."""
    statistics = json.loads((LATENTS / 'statistics.json').read_text())
    mean, std = (torch.tensor(statistics[k]).view(1, -1, 1, 1) for k in ('mean', 'std'))
    encoder, decoder, unet = Encoder(), Decoder(), make_unet()
    encoder.load_state_dict(load_checkpoint('vae')['encoder'])
    decoder.load_state_dict((load_checkpoint('decoder') or load_checkpoint('vae'))['decoder'])
    unet.load_state_dict(load_checkpoint('unet')['average'])
    parts = {'unet': DenoiserGraph(unet), 'vae_encoder': EncoderGraph(encoder, mean, std), 'vae_decoder': DecoderGraph(decoder, mean, std)}
    return {name: module.float().to(memory_format=torch.contiguous_format).eval() for name, module in parts.items()}


INPUTS = {
    'unet': ('sample', 'timestep', 'encoder_hidden_states'), 'vae_encoder': ('sample',), 'vae_decoder': ('latent_sample',),
}
OUTPUTS = {'unet': 'out_sample', 'vae_encoder': 'latent_parameters', 'vae_decoder': 'sample'}
# Kept at half precision: the layers whose rounding shows most, and they are small.
HALF = {'unet': ('conv_in', 'conv_out'), 'vae_encoder': ('encoder.out',), 'vae_decoder': ('decoder.out', 'layers.7', 'layers.0.weight')}


def example(name: str, seed: int = 5, batch: int = 2) -> tuple[torch.Tensor, ...]:
    g = torch.Generator().manual_seed(seed)
    if name == 'unet':
        # Ten by six cells: not a multiple of four, so that the traced graph asks for its sizes instead of assuming them.
        words = torch.from_numpy(TextEncoder(TEXT).padded(['a cat and a dog', '']))
        return torch.randn((batch, LATENT_CHANNELS, 6, 10), generator=g), torch.tensor(549.0), words[:batch]
    if name == 'vae_decoder':
        return (torch.randn((1, LATENT_CHANNELS, 6, 10), generator=g),)
    composer = Composer(77)
    return (to_tensor(composer.draw(composer.plan())[None]).contiguous(),)


def export_graph(name: str, module: torch.nn.Module, folder: Path) -> dict[str, float]:
    """Writes folder/NAME/model.onnx and returns what its two forms err by, against torch."""
    inputs = example(name)
    axes = {i: {0: 'batch_size', 2: 'height', 3: 'width'} for i in INPUTS[name] if 'sample' in i}
    if name == 'unet':
        axes['encoder_hidden_states'] = {0: 'batch_size', 1: 'sequence_length'}
        from diffusers.models.attention_processor import AttnProcessor2_0

        module.unet.unet.set_attn_processor(AttnProcessor2_0())
    axes[OUTPUTS[name]] = {0: 'batch_size', 2: 'height', 3: 'width'}
    (folder / name).mkdir(parents=True, exist_ok=True)
    target = folder / name / 'model.onnx'
    with tempfile.TemporaryDirectory() as scratch:
        wide = Path(scratch) / 'wide.onnx'
        torch.onnx.export(module, inputs, str(wide), input_names=list(INPUTS[name]), output_names=[OUTPUTS[name]], opset_version=17, dynamo=False, dynamic_axes=axes)
        compact(str(wide), str(target), half=HALF[name])
        with torch.inference_mode():
            expected = module(*inputs).numpy()
        feed = {i: x.numpy() for i, x in zip(INPUTS[name], inputs)}
        errors = {}
        for label, path in (('float32', wide), ('stored', target)):
            got = ort.InferenceSession(str(path), providers=['CPUExecutionProvider']).run(None, feed)[0]
            errors[f'{label}_max'] = float(np.abs(got - expected).max())
            errors[f'{label}_relative'] = float(np.linalg.norm(got - expected) / np.linalg.norm(expected))
    print(f'{name}: float32 max {errors["float32_max"]:.1e}, stored relative {errors["stored_relative"]:.4f}, {target.stat().st_size / 1e6:.1f} MB', flush=True)
    return errors


def preview_matrix(encoder: EncoderGraph, cells: int = 4) -> dict:
    """Least squares from a latent cell to cells × cells RGB pixels of the picture made small."""
    composer = Composer(4321)
    pictures = np.stack([composer.draw(composer.plan()) for _ in range(400)])
    with torch.inference_mode():
        z = torch.cat([encoder(to_tensor(p).contiguous())[:, :LATENT_CHANNELS] for p in np.array_split(pictures, 25)])
        small = torch.nn.functional.avg_pool2d(to_tensor(pictures), 32 // cells)
    n = len(pictures)
    target = small.reshape(n, 3, 8, cells, 8, cells).permute(0, 2, 4, 3, 5, 1).reshape(n * 64, cells * cells * 3).double().numpy()
    source = z.permute(0, 2, 3, 1).reshape(n * 64, LATENT_CHANNELS).double().numpy()
    source = np.concatenate([source, np.ones((len(source), 1))], 1)
    weights, *_ = np.linalg.lstsq(source, target, rcond=None)
    error = np.square(source @ weights - target).mean() / 4
    print(f'preview matrix: {-10 * np.log10(error):.1f} dB at {8 * cells} px')
    rows = [[round(float(x), 4) for x in row] for row in weights]
    return {'cells': cells, 'rows': rows[:-1], 'bias': rows[-1]}


def concept_list(text: TextEncoder) -> dict:
    concepts = load_concepts()
    vectors = []
    for rows in text.ragged([c.name for c in concepts]):
        mean = rows.astype(np.float32).mean(0)
        vectors.append(mean / np.linalg.norm(mean))
    stored = np.clip(np.round(np.stack(vectors) * 127), -127, 127).astype(np.int8)
    words = [w for scene in SCENES.values() for w in scene]
    words += [t.format(w) for color in COLOR_WORDS.values() for w in color for t in ('on a {} background', 'on {}', 'with a {} background', 'in front of a {} wall')]
    return {'concepts': [{'name': c.name, 'words': list(c.phrases[1:])} for c in concepts], 'phrases': [w.replace('a orange', 'an orange') for w in words],
            'width': WIDTH, 'embeddings': base64.b64encode(stored.tobytes()).decode()}


def _json(path: Path, data, compact_form: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, ensure_ascii=False, **({'separators': (',', ':')} if compact_form else {'indent': 2})) + '\n')


def build() -> None:
    torch.set_num_threads(2)
    new = paths.WORK / 'export'
    shutil.rmtree(new, ignore_errors=True)
    for part in ('text_encoder', 'tokenizer'):
        shutil.copytree(TEXT / part, new / part)
    graphs = modules()
    errors = {name: export_graph(name, module, new) for name, module in graphs.items()}
    version = __import__('diffusers').__version__
    _json(new / 'model_index.json', {
        '_class_name': 'StableDiffusionPipeline', '_diffusers_version': version, 'feature_extractor': [None, None], 'image_encoder': [None, None], 'requires_safety_checker': False,
        'safety_checker': [None, None], 'scheduler': ['diffusers', 'DDIMScheduler'], 'text_encoder': ['transformers', 'BertModel'], 'tokenizer': ['transformers', 'BertTokenizerFast'],
        'unet': ['diffusers', 'UNet2DConditionModel'], 'vae': ['diffusers', 'AutoencoderKL']})
    _json(new / 'scheduler/scheduler_config.json', {'_class_name': 'DDIMScheduler', '_diffusers_version': version, **SCHEDULER})
    unet = {k: list(v) if isinstance(v, tuple) else v for k, v in CONFIG.items()}
    _json(new / 'unet/config.json', {'_class_name': 'UNet2DConditionModel', '_diffusers_version': version, **unet})
    vae = {'_class_name': 'AutoencoderKL', '_diffusers_version': version, 'in_channels': 3, 'out_channels': 3, 'latent_channels': LATENT_CHANNELS, 'sample_size': 256,
           'block_out_channels': [40, 80, 160, 256, 256, 256], 'scaling_factor': 1.0, 'force_upcast': False}
    for part in ('vae_encoder', 'vae_decoder'):
        _json(new / part / 'config.json', vae)
    _json(new / 'fresco.json', {'steps': STEPS, 'guidance_scale': GUIDANCE, 'guidance_rescale': GUIDANCE_RESCALE, 'sampler': 'DDIM', 'width': 256, 'height': 256,
                                'sizes': [[256, 256], [320, 192], [192, 320]], 'demo': True})
    _json(new / 'preview.json', preview_matrix(graphs['vae_encoder']), True)
    _json(new / 'concepts.json', concept_list(TextEncoder(TEXT)), True)
    _json(paths.WORK / 'export-errors.json', errors)
    publish(new)


def checksums(folder: Path) -> str:
    files = sorted(p for p in folder.rglob('*') if p.is_file() and p.name != 'SHA256SUMS')
    return ''.join(f'{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder).as_posix()}\n' for p in files)


def publish(new: Path) -> None:
    """Puts a whole new folder in the place of the old one, so that no reader sees half of each."""
    card = paths.MODEL / 'README.md'
    if card.exists() and not (new / 'README.md').exists():
        shutil.copy(card, new / 'README.md')
    (new / 'SHA256SUMS').write_text(checksums(new))
    paths.MODEL.parent.mkdir(parents=True, exist_ok=True)
    staged = paths.MODEL.with_name(f'.{paths.MODEL.name}.new')
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(new, staged)
    old = paths.MODEL.with_name(f'.{paths.MODEL.name}.old')
    shutil.rmtree(old, ignore_errors=True)
    if paths.MODEL.exists():
        os.rename(paths.MODEL, old)
    os.rename(staged, paths.MODEL)
    shutil.rmtree(old, ignore_errors=True)
    size = sum(p.stat().st_size for p in paths.MODEL.rglob('*') if p.is_file())
    print(f'{paths.MODEL.name}: {size / 1e6:.1f} MB')
