import { literalMarkdown } from './plain-words.ts';
import { shortText } from './prompt-text.ts';
import type { JobRecord, PictureParametersRecord, StoredPicture } from './store/records.ts';

const labels: Readonly<Record<string, string>> = {
  prompt: 'Prompt',
  negativePrompt: 'Negative prompt',
  model: 'Model',
  width: 'Width',
  height: 'Height',
  steps: 'Steps',
  guidanceScale: 'Guidance',
  guidanceRescale: 'Guidance rescale',
  sampler: 'Sampler',
  seed: 'Seed',
  strength: 'Strength',
  clipSkip: 'Clip skip',
};

/** How a job's pictures were made, a line each, with the command that paints the first one again. Pure. */
export function parametersText({ task }: JobRecord, pictures: readonly StoredPicture[]): string {
  const [first] = pictures;
  const parameters: PictureParametersRecord =
    first?.parameters ?? (task.kind === 'picture' ? { prompt: task.request.prompt, seed: task.request.seed, model: task.request.model } : {});
  const lines = Object.entries(parameters).map(
    ([key, value]) => `- ${labels[key] ?? key}: ${literalMarkdown(shortText(String(value).replace(/\s+/g, ' '), 800))}`,
  );
  const seeds = pictures.length > 1 ? [`- Seeds: ${pictures.map((picture) => picture.parameters?.['seed'] ?? '?').join(', ')}`] : [];
  const command = task.kind === 'picture' ? [`\`\`\`\n${againCommand(parameters)}\n\`\`\``] : [];
  return [...lines, ...seeds, ...command].join('\n');
}

/** The command as one would type it. */
function againCommand(parameters: PictureParametersRecord): string {
  const flag = (name: string, key: string): string => {
    const value = parameters[key];
    if (value === undefined) return '';
    const text = String(value)
      .replace(/["“”`\s]+/g, ' ')
      .trim();
    return ` --${name} ${text.includes(' ') ? `"${text}"` : text}`;
  };
  const prompt = shortText(String(parameters['prompt'] ?? '').replace(/[`\s]+/g, ' '), 800);
  const size = parameters['width'] === undefined ? '' : ` --size ${parameters['width']}x${parameters['height']}`;
  return `/imagine ${prompt}${flag('no', 'negativePrompt')}${size}${flag('steps', 'steps')}${flag('guidance', 'guidanceScale')}${flag('sampler', 'sampler')}${flag('seed', 'seed')}`;
}
