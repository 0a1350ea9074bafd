import { FrescoError } from '../../fresco-error.ts';
import { tensorAs } from '../runtime/tensor.ts';
import type { GraphShelf } from './graph-shelf.ts';
import { resizePicture } from './image-codec.ts';
import type { GraphFile } from './model-files.ts';
import type { Picture } from './picture.ts';

const clipSide = 224;
const clipMean = [0.481_454_66, 0.457_827_5, 0.408_210_73] as const;
const clipDeviation = [0.268_629_54, 0.261_302_58, 0.275_777_11] as const;

/**
 * Asks the model's own safety checker about one finished picture; true when it must not be shown.
 * Inputs by the graph's metadata: `clip_input` [1, 3, 224, 224] normalised as CLIP, `images` [1, H, W, 3] in [0, 1]. Throws 'model-broken'.
 * Source: StableDiffusionSafetyChecker.forward_onnx (diffusers).
 */
export async function isBlocked(shelf: GraphShelf, graph: GraphFile, model: string, picture: Picture): Promise<boolean> {
  const session = await shelf.open(graph);
  const small = await resizePicture(picture, clipSide, clipSide);
  const clip = new Float32Array(3 * clipSide * clipSide);
  for (let index = 0; index < clip.length; index += 1) {
    const channel = Math.floor(index / (clipSide * clipSide));
    const value = (small.data[(index % (clipSide * clipSide)) * 3 + channel] ?? 0) / 255;
    clip[index] = (value - (clipMean[channel] ?? 0)) / (clipDeviation[channel] ?? 1);
  }
  const feeds = Object.fromEntries(
    session.inputs.map((port) =>
      port.name === 'images' || port.dims.at(-1) === 3
        ? [
            port.name,
            tensorAs(
              port.type,
              Float32Array.from(picture.data, (byte) => byte / 255),
              [1, picture.height, picture.width, 3],
            ),
          ]
        : [port.name, tensorAs(port.type, clip, [1, 3, clipSide, clipSide])],
    ),
  );
  const verdict = session.outputs.find(({ name }) => name === 'has_nsfw_concepts') ?? session.outputs.find(({ type }) => type === 'bool');
  if (verdict === undefined) throw new FrescoError('model-broken', { model, file: graph.file, problem: 'it has no output has_nsfw_concepts' });
  const result = (await session.run(feeds, [verdict.name]))[verdict.name];
  return (result?.data ?? []).some((flag) => Number(flag) !== 0);
}
