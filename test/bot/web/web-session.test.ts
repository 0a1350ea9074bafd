import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cookieHeader, readCookie, WebSessions } from '../../../src/bot/web/web-session.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'fresco-session-'));

describe('sessions of the page', () => {
  it('are known again after a restart', () => {
    const dataDir = folder();
    const { visitor, value } = WebSessions.open(dataDir).issue(true, 1000);
    expect(WebSessions.open(dataDir).read(value, 2000)).toEqual(visitor);
  });

  it('cannot be forged, changed or used with another key', () => {
    const sessions = WebSessions.open(folder());
    const { value } = sessions.issue(false, 1000);
    expect(sessions.read(value.replace('.guest.', '.owner.'), 2000)).toBeUndefined();
    expect(sessions.read(`${value}x`, 2000)).toBeUndefined();
    expect(sessions.read('', 2000)).toBeUndefined();
    expect(WebSessions.open(folder()).read(value, 2000)).toBeUndefined();
  });

  it('end when browsers forget them', () => {
    const sessions = WebSessions.open(folder());
    const { value } = sessions.issue(false, 0);
    expect(sessions.read(value, 401 * 86_400_000)).toBeUndefined();
  });

  it('never sign with a key that was cut short', () => {
    const dataDir = folder();
    writeFileSync(join(dataDir, 'web-session.key'), '');
    const { value } = WebSessions.open(dataDir).issue(true, 1000);
    expect(new WebSessions(Buffer.alloc(0)).read(value, 2000)).toBeUndefined();
    expect(WebSessions.open(dataDir).read(value, 2000)).toBeDefined();
  });

  it('say which folder they can not write to', () => {
    const dataDir = join(folder(), 'a-file');
    writeFileSync(dataDir, '');
    expect(() => WebSessions.open(dataDir)).toThrow('folder-unwritable');
  });

  it('keep their key from other users of the machine', () => {
    const dataDir = folder();
    WebSessions.open(dataDir);
    expect(statSync(join(dataDir, 'web-session.key')).mode & 0o077).toBe(0);
  });

  it('travel in a cookie that scripts and other sites never see', () => {
    const header = cookieHeader('abc', true);
    expect(header).toMatch(/HttpOnly/);
    expect(header).toMatch(/SameSite=Strict/);
    expect(header).toMatch(/Secure/);
    expect(readCookie(`a=b; ${header.split(';')[0]}; c=d`)).toBe('abc');
    expect(readCookie('a=b')).toBeUndefined();
  });
});
