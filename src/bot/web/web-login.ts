import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { FrescoError } from '../../fresco-error.ts';
import { isSamePassword } from './web-guard.ts';
import type { WebPlatform } from './web-platform.ts';
import { loginBody } from './web-requests.ts';
import { cookieHeader, readCookie, type WebVisitor } from './web-session.ts';

/** The visitor whose session the request carries. */
export function visitorOf(platform: WebPlatform, request: FastifyRequest): WebVisitor | undefined {
  const value = readCookie(request.headers.cookie);
  return value === undefined ? undefined : platform.sessions.read(value, platform.options.clock.now());
}

/** Like `visitorOf`, for routes behind the guard. Throws 'not-allowed'. */
export function requireVisitor(platform: WebPlatform, request: FastifyRequest): WebVisitor {
  const visitor = visitorOf(platform, request);
  if (visitor === undefined) throw new FrescoError('not-allowed', { reason: 'there is no session' });
  return visitor;
}

const attemptsPerMinute = 10;

/** `/api/me` opens a session where no password is set; `/api/login` where one is. */
export function addLoginRoutes(server: FastifyInstance, platform: WebPlatform): void {
  const { password, ownerPassword, clock } = platform.options;
  const attempts: number[] = [];

  const signIn = (reply: FastifyReply, request: FastifyRequest, isOwner: boolean): WebVisitor => {
    const { visitor, value } = platform.sessions.issue(isOwner, clock.now());
    void reply.header('set-cookie', cookieHeader(value, request.protocol === 'https'));
    return visitor;
  };

  server.get('/api/me', async (request, reply) => {
    const known = visitorOf(platform, request);
    if (known !== undefined) return { signedIn: true, isOwner: known.isOwner };
    if (password !== undefined) return { signedIn: false, isOwner: false };
    return { signedIn: true, isOwner: signIn(reply, request, ownerPassword === undefined).isOwner }; // loopback: whoever sits here is the owner, unless a password says who is
  });

  server.post('/api/login', async (request, reply) => {
    const nowMs = clock.now();
    while (attempts.length > 0 && nowMs - (attempts[0] ?? 0) > 60_000) attempts.shift();
    if (attempts.length >= attemptsPerMinute) return reply.code(429).send({ error: 'Too many tries. Please wait a minute.' });
    const body = loginBody.safeParse(request.body);
    const given = body.success ? body.data.password : '';
    const isOwner = ownerPassword !== undefined && isSamePassword(given, ownerPassword);
    const isKnown = isOwner || (password !== undefined && isSamePassword(given, password));
    if (!isKnown) {
      attempts.push(nowMs);
      return reply.code(401).send({ error: 'This password is not the one.' });
    }
    return { signedIn: true, isOwner: signIn(reply, request, isOwner).isOwner };
  });
}
