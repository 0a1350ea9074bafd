import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { sentenceFor } from '../../commands/user-messages.ts';
import { type ErrorCode, FrescoError } from '../../fresco-error.ts';
import { addEventRoutes } from './web-events.ts';
import { isOurHost, isOurOrigin, securityHeaders } from './web-guard.ts';
import { addLibraryRoutes } from './web-library.ts';
import { addLoginRoutes, visitorOf } from './web-login.ts';
import type { WebPlatform } from './web-platform.ts';
import { addTalkRoutes } from './web-talk.ts';
import { WebUploads } from './web-uploads.ts';

/** HTTP statuses of errors whose request could be mended; all others are the server's. */
const statuses: Partial<Record<ErrorCode, number>> = {
  'empty-prompt': 400,
  'prompt-too-long': 413,
  'unreadable-text': 400,
  'option-invalid': 400,
  'option-unknown': 400,
  'command-unknown': 404,
  'attachment-refused': 400,
  'not-allowed': 403,
  'not-yours': 403,
  'not-found': 404,
  'shutting-down': 503,
  'too-many-waiting': 429,
  'queue-full': 429,
};

/** The HTTP server of the page: guarded, its own files only, everything else behind a session. */
export async function createWebServer(platform: WebPlatform): Promise<FastifyInstance> {
  const { options } = platform;
  const server = fastify({ logger: false, bodyLimit: 2 * 1024 * 1024, forceCloseConnections: true, routerOptions: { maxParamLength: 200 } });
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders);
    await guard(platform, request, reply);
  });
  server.setErrorHandler((error, _request, reply) => answerError(platform, error, reply));
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'There is nothing at this address.' }));
  server.get('/healthz', async () => options.health());
  await server.register(fastifyStatic, { root: options.pageFolder, cacheControl: false, etag: true });
  addLoginRoutes(server, platform);
  addEventRoutes(server, platform);
  addTalkRoutes(server, platform, new WebUploads(options.clock));
  addLibraryRoutes(server, platform);
  return server;
}

const openPaths = new Set(['/', '/index.html', '/page.js', '/page.css', '/icon.svg', '/healthz', '/api/login', '/api/me']);

async function guard(platform: WebPlatform, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { host } = request.headers;
  if (!isOurHost(host, platform.options.host))
    return reply.code(421).send({ error: 'This address is not mine. Open the page by the address it printed at its start.' });
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    const site = request.headers['sec-fetch-site'];
    if (!isOurOrigin(request.headers.origin, host, typeof site === 'string' ? site : undefined)) {
      return reply.code(403).send({ error: 'This request came from another page and was refused.' });
    }
  }
  const path = request.url.split('?', 1)[0] ?? '';
  if (!openPaths.has(path) && visitorOf(platform, request) === undefined) return reply.code(401).send({ error: 'Please sign in first.' });
}

function answerError(platform: WebPlatform, error: unknown, reply: FastifyReply): FastifyReply {
  if (FrescoError.isOurs(error)) return reply.code(statuses[error.code] ?? 500).send({ error: sentenceFor(error) });
  const status = error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
  if (status >= 500) {
    platform.options.logger.error({ error }, 'a request of the page failed');
    return reply.code(500).send({ error: sentenceFor(error) });
  }
  return reply.code(status).send({ error: status === 413 ? 'That is more than I take at once.' : 'I could not read this request.' });
}
