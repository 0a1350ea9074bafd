import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFailure } from '../../inference/blob-folder.ts';

/** Who sits at the page. */
export interface WebVisitor {
  /** Stable for the life of the cookie, also over restarts. */
  readonly user: string;
  readonly isOwner: boolean;
}

export const sessionCookie = 'fresco_session';
const keyBytes = 32;
const lifeMs = 400 * 24 * 60 * 60 * 1000; // browsers keep no cookie longer

/**
 * Sessions without a table: the cookie carries the visitor and a keyed hash over it (HMAC-SHA-256, RFC 2104).
 * The key is made once and kept in the data folder, so that a restart signs nobody out.
 */
export class WebSessions {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  /** Reads the key, or makes one at the first start. Throws 'folder-unwritable', 'disk-full'. */
  static open(dataDir: string): WebSessions {
    const path = join(dataDir, 'web-session.key');
    try {
      if (existsSync(path)) {
        const key = readFileSync(path);
        if (key.length === keyBytes) return new WebSessions(key); // a key cut short by a full disk would let anybody sign
      }
      mkdirSync(dataDir, { recursive: true });
      const key = randomBytes(keyBytes);
      writeFileSync(path, key, { mode: 0o600 });
      return new WebSessions(key);
    } catch (error) {
      throw writeFailure(error, dataDir);
    }
  }

  /** A fresh visitor's cookie value. */
  issue(isOwner: boolean, nowMs: number): { readonly visitor: WebVisitor; readonly value: string } {
    const visitor = { user: randomBytes(12).toString('hex'), isOwner };
    const body = `${visitor.user}.${isOwner ? 'owner' : 'guest'}.${nowMs}`;
    return { visitor, value: `${body}.${this.#sign(body)}` };
  }

  /** The visitor a cookie value stands for; undefined when it is forged, broken or too old. */
  read(value: string, nowMs: number): WebVisitor | undefined {
    const at = value.lastIndexOf('.');
    const body = value.slice(0, Math.max(at, 0));
    const [user, role, issuedAt] = body.split('.');
    const given = Buffer.from(value.slice(at + 1));
    const expected = Buffer.from(this.#sign(body));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    if (user === undefined || issuedAt === undefined || nowMs - Number(issuedAt) > lifeMs) return undefined;
    return { user, isOwner: role === 'owner' };
  }

  #sign(body: string): string {
    return createHmac('sha256', this.#key).update(body).digest('base64url');
  }
}

/** The `Set-Cookie` value of a session. `secure` where the page is behind TLS. */
export function cookieHeader(value: string, secure: boolean): string {
  return `${sessionCookie}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${lifeMs / 1000}${secure ? '; Secure' : ''}`;
}

/** The session cookie's value in a `Cookie` header. */
export function readCookie(header: string | undefined): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const [name, ...rest] = part.trim().split('=');
    if (name === sessionCookie) return rest.join('=');
  }
  return undefined;
}
