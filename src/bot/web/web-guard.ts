import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

/** Headers of every answer: nothing from elsewhere loads, nothing frames the page, nothing is guessed. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
};

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/**
 * True when the `Host` header names this server: against DNS rebinding, where a foreign name resolves to our address.
 * A page bound to all addresses accepts any literal address and the names it was told.
 */
export function isOurHost(hostHeader: string | undefined, boundTo: string): boolean {
  const name = hostName(hostHeader);
  if (name === undefined) return false;
  if (isLoopback(name)) return true;
  if (isLoopback(boundTo)) return false;
  return name === boundTo || isIP(name.replaceAll(/[[\]]/g, '')) !== 0;
}

/** True when a state-changing request comes from our own page: same origin, or (from tools without a browser) no origin at all. */
export function isOurOrigin(origin: string | undefined, hostHeader: string | undefined, fetchSite: string | undefined): boolean {
  if (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none') return false;
  if (origin === undefined) return true;
  try {
    return new URL(origin).host === hostHeader;
  } catch {
    return false;
  }
}

function hostName(hostHeader: string | undefined): string | undefined {
  if (hostHeader === undefined) return undefined;
  const match = /^(\[[0-9a-f:]+\]|[^:]+)(?::\d+)?$/i.exec(hostHeader);
  return match?.[1]?.toLowerCase();
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Compares in constant time. */
export function isSamePassword(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}
