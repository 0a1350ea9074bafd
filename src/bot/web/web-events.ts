import type { FastifyInstance } from 'fastify';
import { securityHeaders } from './web-guard.ts';
import { requireVisitor } from './web-login.ts';
import type { WebPlatform } from './web-platform.ts';

/** `/api/events`: the server-sent states of all messages of one visitor (HTML standard, section 9.2). */
export function addEventRoutes(server: FastifyInstance, platform: WebPlatform): void {
  server.get('/api/events', (request, reply) => {
    const { user } = requireVisitor(platform, request);
    reply.hijack();
    const stream = reply.raw;
    stream.writeHead(200, { ...securityHeaders, 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    stream.write('retry: 1000\n\n');
    const seat = platform.rooms.join(user, { write: (update) => stream.write(`data: ${JSON.stringify(update)}\n\n`) });
    stream.on('drain', seat.drained);
    request.raw.on('close', seat.leave);
  });
}
