"""Exports that optimum does not make: the old diffusers layout, integer timesteps, AutoencoderTiny, safety checkers, an upscaler; and a smaller spelling of graphs."""

import json
import shutil
import warnings
from pathlib import Path

import onnx
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPImageProcessor

OPSET = 18


def export(module: torch.nn.Module, inputs: dict[str, torch.Tensor], outputs: list[str], dynamic: dict[str, dict[int, str]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, tuple(inputs.values()), str(path), input_names=list(inputs), output_names=outputs, dynamic_axes=dynamic,
                          opset_version=OPSET, dynamo=False, do_constant_folding=True)  # fmt: skip


class Wrapped(torch.nn.Module):
    def __init__(self, inner: torch.nn.Module, forward):
        super().__init__()
        self.inner = inner
        self.run = forward

    def forward(self, *args):
        return self.run(self.inner, *args)


def shrink(path: Path) -> None:
    """Gives inner values and nodes short names; weights keep theirs."""
    model = onnx.load(str(path))
    graph = model.graph
    kept = {value.name for value in [*graph.input, *graph.output]} | {weight.name for weight in graph.initializer}
    names: dict[str, str] = {}

    def short(name: str) -> str:
        if name == "" or name in kept:
            return name
        return names.setdefault(name, f"v{len(names)}")

    def rename(nodes) -> None:
        for index, node in enumerate(nodes):
            node.name = f"{node.op_type}{index}"
            node.doc_string = ""
            node.input[:] = [short(name) for name in node.input]
            node.output[:] = [short(name) for name in node.output]
            for attribute in node.attribute:
                if attribute.type == onnx.AttributeProto.GRAPH:
                    rename(attribute.g.node)
                    for value in attribute.g.output:
                        value.name = short(value.name)

    rename(graph.node)
    del graph.value_info[:]
    del model.metadata_props[:]
    onnx.save(model, str(path))


def export_unet_int64(unet, cross: int, path: Path) -> None:
    """As optimum 1.x did: the timestep is a rank-1 int64."""
    module = Wrapped(unet, lambda u, sample, timestep, states: u(sample, timestep, states, return_dict=False)[0])
    export(
        module,
        {"sample": torch.randn(2, 4, 8, 10), "timestep": torch.tensor([5]), "encoder_hidden_states": torch.randn(2, 77, cross)},
        ["out_sample"],
        {"sample": {0: "batch_size", 2: "height", 3: "width"}, "timestep": {0: "steps"}, "encoder_hidden_states": {0: "batch_size", 1: "sequence_length"}},
        path,
    )


def export_tiny_vae(vae, folder: Path) -> None:
    """AutoencoderTiny in optimum's names: it encodes and decodes latents as the sampler holds them."""
    dims = {0: "batch_size", 2: "height", 3: "width"}
    export(Wrapped(vae, lambda v, z: v.decode(z, return_dict=False)[0]), {"latent_sample": torch.randn(1, 4, 8, 10)}, ["sample"],
           {"latent_sample": dims, "sample": dims}, folder / "vae_decoder" / "model.onnx")  # fmt: skip
    export(Wrapped(vae, lambda v, x: v.encode(x, return_dict=False)[0]), {"sample": torch.randn(1, 3, 32, 40)}, ["latent_sample"],
           {"sample": dims, "latent_sample": dims}, folder / "vae_encoder" / "model.onnx")  # fmt: skip
    for part in ("vae_encoder", "vae_decoder"):
        vae.save_config(folder / part)


def safety_checker(blocks: bool) -> StableDiffusionSafetyChecker:
    config = CLIPConfig(projection_dim=8, vision_config={"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
                                                         "image_size": 224, "patch_size": 32, "projection_dim": 8})  # fmt: skip
    torch.manual_seed(7)
    checker = StableDiffusionSafetyChecker(config).eval()
    for embeds in (checker.concept_embeds, checker.special_care_embeds):
        embeds.data = torch.randn(embeds.shape, generator=torch.Generator().manual_seed(8))
    # a cosine is never above 1.5 and always above -1.5
    checker.concept_embeds_weights.data.fill_(-1.5 if blocks else 1.5)
    checker.special_care_embeds_weights.data.fill_(1.5)
    return checker


def export_safety_checker(blocks: bool, path: Path) -> None:
    checker = safety_checker(blocks)
    module = Wrapped(checker, lambda c, clip_input, images: c.forward_onnx(clip_input, images))
    export(module, {"clip_input": torch.randn(1, 3, 224, 224), "images": torch.rand(1, 64, 64, 3)}, ["out_images", "has_nsfw_concepts"],
           {"clip_input": {0: "batch"}, "images": {0: "batch", 1: "height", 2: "width"}}, path)  # fmt: skip


def export_old_layout(pipe, folder: Path, cross: int) -> None:
    """What diffusers' convert_stable_diffusion_checkpoint_to_onnx.py writes: int32 ids, rank-1 float timestep, weights.pb, no configs beside the graphs."""
    export(Wrapped(pipe.text_encoder, lambda m, ids: m(ids, return_dict=False)), {"input_ids": torch.ones(1, 77, dtype=torch.int32)},
           ["last_hidden_state", "pooler_output"], {"input_ids": {0: "batch", 1: "sequence"}}, folder / "text_encoder" / "model.onnx")  # fmt: skip
    module = Wrapped(pipe.unet, lambda u, sample, timestep, states: u(sample, timestep, states, return_dict=False)[0])
    export(
        module,
        {"sample": torch.randn(2, 4, 8, 8), "timestep": torch.randn(2), "encoder_hidden_states": torch.randn(2, 77, cross)},
        ["out_sample"],
        {"sample": {0: "batch", 1: "channels", 2: "height", 3: "width"}, "timestep": {0: "batch"}, "encoder_hidden_states": {0: "batch", 1: "sequence"}},
        folder / "unet" / "model.onnx",
    )
    shrink(folder / "unet" / "model.onnx")
    model = onnx.load(str(folder / "unet" / "model.onnx"))
    onnx.save_model(model, str(folder / "unet" / "model.onnx"), save_as_external_data=True, all_tensors_to_one_file=True, location="weights.pb", size_threshold=0,
                    convert_attribute=False)  # fmt: skip
    dims = {0: "batch", 1: "channels", 2: "height", 3: "width"}
    export(Wrapped(pipe.vae, lambda v, x: v.encode(x, return_dict=False)[0].sample()), {"sample": torch.randn(1, 3, 64, 64)}, ["latent_sample"],
           {"sample": dims}, folder / "vae_encoder" / "model.onnx")  # fmt: skip
    export(Wrapped(pipe.vae, lambda v, z: v.decode(z, return_dict=False)[0]), {"latent_sample": torch.randn(1, 4, 8, 8)}, ["sample"],
           {"latent_sample": dims}, folder / "vae_decoder" / "model.onnx")  # fmt: skip
    export_safety_checker(False, folder / "safety_checker" / "model.onnx")
    CLIPImageProcessor().save_pretrained(folder / "feature_extractor")
    pipe.tokenizer.save_pretrained(folder / "tokenizer")
    pipe.scheduler.save_pretrained(folder / "scheduler")
    runtime = ["diffusers", "OnnxRuntimeModel"]
    index = {
        "_class_name": "OnnxStableDiffusionPipeline", "_diffusers_version": "0.24.0", "requires_safety_checker": True,
        "feature_extractor": ["transformers", "CLIPImageProcessor"], "safety_checker": runtime, "scheduler": ["diffusers", type(pipe.scheduler).__name__],
        "text_encoder": runtime, "tokenizer": ["transformers", "CLIPTokenizer"], "unet": runtime, "vae_decoder": runtime, "vae_encoder": runtime,
    }  # fmt: skip
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def export_upscaler(folder: Path) -> torch.nn.Module:
    """A picture enlarger of ESRGAN's shape: RGB in [0, 1] to RGB twice as large."""
    torch.manual_seed(11)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 12, 3, padding=1), torch.nn.PixelShuffle(2)).eval()
    with torch.no_grad():
        module[0].weight.mul_(0.05)
        module[0].bias.zero_()
        for colour in range(3):
            module[0].weight[4 * colour : 4 * colour + 4, colour, 1, 1] += 1
    dims = {0: "batch", 2: "height", 3: "width"}
    export(module, {"input": torch.rand(1, 3, 8, 8)}, ["output"], {"input": dims, "output": dims}, folder / "model.onnx")
    return module


def clean(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
