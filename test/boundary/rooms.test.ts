import { describe, expect, it } from 'vitest';
import { importsOf, offences, readSource, sourceFiles } from './rooms.ts';

describe('the map of rooms', () => {
  it.each(sourceFiles())('%s imports only from the rooms below it', (file) => {
    expect(offences({ file, imports: importsOf(readSource(file)) })).toEqual([]);
  });

  it('catches a planted upward import', () => {
    const imports = importsOf("import type { SlackPlatform } from '../bot/slack/slack-platform.ts'");
    expect(offences({ file: 'src/inference/planted.ts', imports })).toEqual(['../bot/slack/slack-platform.ts']);
  });

  it('catches a planted heavy package outside its home', () => {
    expect(offences({ file: 'src/bot/web/planted.ts', imports: ['sharp', 'onnxruntime-node', 'node:fs'] })).toEqual(['sharp', 'onnxruntime-node']);
  });

  it('catches a platform that looks into another', () => {
    expect(offences({ file: 'src/bot/web/planted.ts', imports: ['../slack/slack-blocks.ts', '../split-message.ts'] })).toEqual(['../slack/slack-blocks.ts']);
  });

  it.each(sourceFiles().filter((file) => file !== 'src/settings.ts'))('%s does not read the environment', (file) => {
    expect(readSource(file)).not.toMatch(/process\.env|process\[['"]env/);
  });
});
