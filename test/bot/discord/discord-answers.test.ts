import { describe, expect, it } from 'vitest';
import { buttonsOf } from '../../fakes/discord/fake-person.ts';
import { visibleText } from '../../fakes/discord/payloads.ts';
import { chatMessage } from '../../fakes/scripted-desk.ts';
import { openScriptedBench } from './scripted-bench.ts';

describe('Discord answers', () => {
  it('acknowledges a slash command with what is known at once, and streams into the same message', async () => {
    await using bench = await openScriptedBench();
    await bench.start();
    const surfaces = bench.desk.works(chatMessage('', { status: { phase: 'queued', position: 2, etaMs: 40_000 } }));
    const asked = bench.ada.slash(bench.channel, 'ask', { prompt: 'why is the sky blue?' });
    const message = await asked.message();
    expect(visibleText(message)).toContain('2 ahead of you');
    const surface = await surfaces.next();
    surface.show(chatMessage('Because', { status: { phase: 'writing' }, actions: [{ id: 'v1:stop:abc', label: 'Stop', style: 'secondary' }] }));
    await bench.fake.until(() => visibleText(message).startsWith('Because'), 'the first words');
    expect(buttonsOf(message)).toEqual(['Stop']);
    await surface.finish(chatMessage('Because of Rayleigh scattering.', { final: true }));
    expect(visibleText(message)).toBe('Because of Rayleigh scattering.');
    expect(buttonsOf(message)).toEqual([]);
    expect(bench.fake.answersIn(bench.channel)).toHaveLength(1);
  });
});
