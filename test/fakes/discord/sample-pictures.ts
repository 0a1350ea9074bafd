import sharp from 'sharp';

/** Pictures for the screenshots where no painter is at hand: simple scenes, and the same scenes out of noise. */

const sky = (id: string, ...colours: readonly string[]): string =>
  `<linearGradient id="${id}" x1="0" y1="0" x2="0" y2="1">${colours.map((colour, index) => `<stop offset="${index / Math.max(1, colours.length - 1)}" stop-color="${colour}"/>`).join('')}</linearGradient>`;

const wave = (y: number, colour: string, phase: number): string =>
  `<path fill="${colour}" d="M0 ${y} ${Array.from({ length: 9 }, (_, index) => `Q${index * 64 + 16 + phase} ${y - 22} ${index * 64 + 32 + phase} ${y} T${(index + 1) * 64 + phase} ${y}`).join(' ')} V512 H0Z"/>`;

const lighthouse = (
  tint: string,
): string => `<defs>${sky('s', '#141a36', tint, '#f2b56b')}<radialGradient id="g"><stop offset="0" stop-color="#fff6c9" stop-opacity=".95"/><stop offset="1" stop-color="#fff6c9" stop-opacity="0"/></radialGradient></defs>
<rect width="512" height="512" fill="url(#s)"/><circle cx="398" cy="300" r="46" fill="#ffd9a0"/><path d="M214 150 L512 60 V210 Z" fill="#fff3c2" opacity=".28"/><path d="M214 150 L0 84 V190 Z" fill="#fff3c2" opacity=".22"/>
<path d="M120 420 L300 420 L262 372 L160 376 Z" fill="#3a2e35"/><path d="M182 384 L194 176 H234 L246 384 Z" fill="#f5efe6"/><path d="M186 320 L189 270 H239 L242 320 Z M191 226 L193 190 H235 L237 226 Z" fill="#c8403a"/><rect x="188" y="140" width="52" height="34" rx="4" fill="#35404f"/><path d="M184 142 L214 112 L244 142Z" fill="#a3322d"/><circle cx="214" cy="156" r="60" fill="url(#g)"/><circle cx="214" cy="156" r="10" fill="#fffbe0"/>
${wave(404, '#2b4a6f', 0)}${wave(440, '#21395a', -20)}${wave(474, '#182a45', -44)}`;

const fox = (
  ground: string,
): string => `<defs>${sky('s', '#f7c59f', '#f4a261', '#e76f51')}</defs><rect width="512" height="512" fill="url(#s)"/><circle cx="380" cy="120" r="54" fill="#fff1d6"/>
<path d="M0 360 Q130 300 260 350 T512 330 V512 H0Z" fill="${ground}"/><path d="M0 410 Q160 360 320 412 T512 400 V512 H0Z" fill="#264027"/>
<path d="M330 430 q92 -10 96 -92 q-50 12 -78 50Z" fill="#d9692c"/><path d="M402 372 q22 -16 24 -34 q-22 6 -34 20Z" fill="#fff"/><ellipse cx="270" cy="404" rx="84" ry="60" fill="#e07a35"/><path d="M170 330 L158 250 L206 286 Q224 280 244 286 L290 250 L280 330 Q226 392 170 330Z" fill="#e8833a"/><path d="M182 334 Q226 384 268 334 Q226 352 182 334Z" fill="#fff7ee"/><circle cx="206" cy="318" r="7" fill="#1d1a18"/><circle cx="246" cy="318" r="7" fill="#1d1a18"/><circle cx="226" cy="350" r="8" fill="#1d1a18"/><path d="M212 456 h22 v-40 h-22Z M296 456 h22 v-40 h-22Z" fill="#5a2f18"/>`;

export const scenes = {
  lighthouse: lighthouse('#7a4a6a'),
  lighthouseGreen: lighthouse('#2f6f73'),
  lighthouseRed: lighthouse('#a2434e'),
  lighthouseBlue: lighthouse('#3b5ba5'),
  fox: fox('#5b7f3a'),
} as const satisfies Record<string, string>;
export type SceneName = keyof typeof scenes;

/** The finished scene as a PNG, 512 × 512. */
export async function paintScene(name: SceneName): Promise<Uint8Array> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="512" height="512">${scenes[name]}</svg>`;
  return new Uint8Array(await sharp(Buffer.from(svg)).png().toBuffer());
}

/** The scene `share` (0–1) of the way out of noise, as a small WebP. */
export async function paintPreview(name: SceneName, share: number): Promise<Uint8Array> {
  const clear = await sharp(await paintScene(name))
    .resize(64, 64)
    .blur(Math.max(0.4, 6 * (1 - share)))
    .resize(320, 320, { kernel: 'cubic' })
    .removeAlpha()
    .toBuffer();
  const noise = await sharp({ create: { width: 80, height: 80, channels: 3, background: '#000', noise: { type: 'gaussian', mean: 128, sigma: 70 } } })
    .resize(320, 320)
    .ensureAlpha(Math.max(0, 0.75 * (1 - share)))
    .png()
    .toBuffer();
  return new Uint8Array(
    await sharp(clear)
      .composite([{ input: noise }])
      .webp({ quality: 75 })
      .toBuffer(),
  );
}
