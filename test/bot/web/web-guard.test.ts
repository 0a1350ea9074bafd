import { describe, expect, it } from 'vitest';
import { isLoopback, isOurHost, isOurOrigin, isSamePassword } from '../../../src/bot/web/web-guard.ts';

describe('the guard of the page', () => {
  it.each(['127.0.0.1', '127.8.9.1', 'localhost', '::1', '[::1]'])('knows %s as this machine', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(['0.0.0.0', '192.168.1.2', 'example.org', '1270.0.0.1', '127.0.0.1.evil.example'])('does not take %s for this machine', (host) => {
    expect(isLoopback(host)).toBe(false);
  });

  it('refuses a foreign name that resolves to our address', () => {
    expect(isOurHost('evil.example:7860', '127.0.0.1')).toBe(false);
    expect(isOurHost(undefined, '127.0.0.1')).toBe(false);
    expect(isOurHost('127.0.0.1:7860', '127.0.0.1')).toBe(true);
    expect(isOurHost('localhost:7860', '127.0.0.1')).toBe(true);
  });

  it('takes literal addresses and its own name when it is bound for others', () => {
    expect(isOurHost('192.168.1.5:7860', '0.0.0.0')).toBe(true);
    expect(isOurHost('evil.example', '0.0.0.0')).toBe(false);
    expect(isOurHost('chat.example', 'chat.example')).toBe(true);
  });

  it('refuses posts from other pages', () => {
    expect(isOurOrigin('http://127.0.0.1:7860', '127.0.0.1:7860', 'same-origin')).toBe(true);
    expect(isOurOrigin(undefined, '127.0.0.1:7860', undefined)).toBe(true);
    expect(isOurOrigin('https://evil.example', '127.0.0.1:7860', 'cross-site')).toBe(false);
    expect(isOurOrigin('null', '127.0.0.1:7860', undefined)).toBe(false);
    expect(isOurOrigin('http://127.0.0.1:9999', '127.0.0.1:7860', 'same-site')).toBe(false);
  });

  it('compares passwords', () => {
    expect(isSamePassword('correct horse', 'correct horse')).toBe(true);
    expect(isSamePassword('correct horsf', 'correct horse')).toBe(false);
  });
});
