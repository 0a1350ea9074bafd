import sharp from 'sharp';

/** Stand-ins for what a painter gives: small scenes, and how they look half finished. */
const scenes = {
  lighthouse: `<rect width="512" height="512" fill="url(#sky)"/><circle cx="400" cy="110" r="46" fill="#ffe9b0" opacity=".9"/>
    <path d="M0 350 Q128 320 256 350 T512 350 V512 H0Z" fill="#1d4e6e"/><path d="M0 400 Q128 376 256 402 T512 396 V512 H0Z" fill="#163d57"/>
    <path d="M90 400 Q180 330 300 372 L330 420 H70Z" fill="#3b3a3f"/><path d="M178 372 L192 170 H236 L250 372Z" fill="#f4efe6"/>
    <path d="M183 300 L187 246 H241 L245 300Z M190 196 L192 170 H236 L238 196Z" fill="#c8402f"/><rect x="188" y="132" width="52" height="40" fill="#ffd66b"/><path d="M182 132 L214 102 L246 132Z" fill="#2b2b30"/>
    <path d="M240 140 L512 60 V190 L240 166Z" fill="#fff3c4" opacity=".35"/><path d="M0 90 Q90 60 170 92 T330 70 Q250 130 140 120 T0 140Z" fill="#39424f" opacity=".75"/>`,
  fox: `<rect width="512" height="512" fill="#dfeaf2"/><path d="M0 360 Q160 318 300 352 T512 340 V512 H0Z" fill="#fff"/>
    <path d="M70 330 L120 130 L168 330Z M360 320 L404 160 L446 320Z" fill="#3c6a4f"/><ellipse cx="262" cy="382" rx="104" ry="66" fill="#d8702a"/>
    <path d="M352 390 Q440 376 424 292 Q404 344 340 350Z" fill="#d8702a"/><path d="M424 292 Q438 318 420 344 Q404 332 424 292Z" fill="#fff"/>
    <path d="M120 280 L150 206 L182 258 L222 258 L254 206 L282 280 L200 360Z" fill="#e07c33"/><path d="M140 292 L200 360 L262 292 Q230 316 200 316 Q170 316 140 292Z" fill="#fff"/>
    <circle cx="172" cy="284" r="8" fill="#222"/><circle cx="230" cy="284" r="8" fill="#222"/><ellipse cx="200" cy="346" rx="12" ry="8" fill="#222"/>`,
  barn: `<rect width="512" height="512" fill="#a9d3ee"/><circle cx="90" cy="90" r="40" fill="#ffdf7a"/><path d="M0 330 Q180 280 512 330 V512 H0Z" fill="#7aa553"/>
    <path d="M150 400 V250 L256 170 L362 250 V400Z" fill="#b3302a"/><path d="M134 256 L256 158 L378 256 L366 270 L256 184 L146 270Z" fill="#5b2320"/>
    <rect x="216" y="310" width="80" height="90" fill="#7c1f1b" stroke="#f2e6d8" stroke-width="6"/><path d="M216 310 L296 400 M296 310 L216 400" stroke="#f2e6d8" stroke-width="6"/><rect x="236" y="226" width="40" height="36" fill="#f2e6d8"/>`,
} as const;
export type SceneName = keyof typeof scenes;

const svg = (name: SceneName): Buffer =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="512" height="512" viewBox="0 0 512 512"><defs><linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#27384c"/><stop offset=".7" stop-color="#b9735a"/></linearGradient></defs>${scenes[name]}</svg>`,
  );

/** A finished picture. */
export async function paintedScene(name: SceneName): Promise<Uint8Array> {
  return new Uint8Array(await sharp(svg(name)).resize(384, 384).blur(0.6).png({ palette: true, colours: 96 }).toBuffer());
}

/** The same after a part of its steps: coarse and noisy. */
export async function unfinishedScene(name: SceneName, done: number): Promise<Uint8Array> {
  const side = Math.max(6, Math.round(96 * done));
  const small = await sharp(svg(name)).resize(side, side, { kernel: 'mitchell' }).png().toBuffer();
  const noise = await sharp({
    create: { width: 64, height: 64, channels: 3, background: '#808080', noise: { type: 'gaussian', mean: 128, sigma: 90 * (1 - done) } },
  })
    .resize(256, 256, { kernel: 'nearest' })
    .png()
    .toBuffer();
  return new Uint8Array(
    await sharp(small)
      .resize(256, 256, { kernel: 'cubic' })
      .composite([{ input: noise, blend: 'soft-light' }])
      .webp({ quality: 80 })
      .toBuffer(),
  );
}
