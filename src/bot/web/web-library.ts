import type { FastifyInstance, FastifyReply } from 'fastify';
import { commandSpecs } from '../../commands/command-table.ts';
import { FrescoError } from '../../fresco-error.ts';
import { blobRefSchema } from '../../ids.ts';
import { requireVisitor } from './web-login.ts';
import type { WebPlatform } from './web-platform.ts';
import { conversationParams } from './web-requests.ts';
import { parse } from './web-talk.ts';
import { wireMessage } from './wire-message.ts';

const mediaTypes: Readonly<Record<string, string>> = { png: 'image/png', webp: 'image/webp', jpg: 'image/jpeg' };

/** What a visitor can look up: models, commands, conversations, pictures. */
export function addLibraryRoutes(server: FastifyInstance, platform: WebPlatform): void {
  server.get('/api/about', async (request) => {
    const visitor = requireVisitor(platform, request);
    const commands = commandSpecs
      .filter(({ adminOnly }) => adminOnly !== true || visitor.isOwner)
      .map(({ name, description, example, options }) => ({ name, description, example, options }));
    return { commands, models: platform.options.models.list(), defaults: platform.options.defaults, pulse: platform.desk.pulse() };
  });

  server.get('/api/conversations', async (request) => {
    const visitor = requireVisitor(platform, request);
    const prefix = `web:${visitor.user}:`;
    const summaries = await platform.desk.library.conversations(platform.principal(visitor, ''));
    return summaries
      .filter(({ conversation }) => conversation.startsWith(prefix))
      .map(({ conversation, title, updatedAtMs }) => ({ id: conversation.slice(prefix.length), title, updatedAtMs }));
  });

  server.get('/api/conversations/:conversation', async (request) => {
    const { conversation } = parse(conversationParams, request.params);
    const visitor = requireVisitor(platform, request);
    const turns = await platform.desk.library.transcript(platform.principal(visitor, conversation), platform.place(visitor, conversation).conversation);
    const growing = platform.rooms.growing(visitor.user, conversation);
    const grown = new Set(growing.map(({ id }) => id));
    const finished = turns
      .map(({ id, parent, role, speaker, createdAtMs, message, ref }) =>
        wireMessage({ id: ref?.message ?? id, parent, role, speaker, createdAtMs }, message, undefined),
      )
      .filter(({ id }) => !grown.has(id));
    return [...finished, ...growing];
  });

  server.get('/api/pictures', async (request) => {
    const visitor = requireVisitor(platform, request);
    const records = await platform.desk.library.pictures(platform.principal(visitor, ''), 200);
    return records.map(({ job, blob, prompt, width, height, createdAtMs, ref }) => ({
      job,
      src: `/pictures/${blob}`,
      prompt,
      width,
      height,
      createdAtMs,
      conversation: ref?.channel.split('/')[1],
    }));
  });

  server.get('/pictures/:blob', async (request, reply) => {
    const visitor = requireVisitor(platform, request);
    const blob = blobRefSchema.safeParse(typeof request.params === 'object' && request.params !== null && 'blob' in request.params ? request.params.blob : '');
    if (!blob.success || !(await platform.desk.library.maySee(platform.principal(visitor, ''), blob.data)))
      throw new FrescoError('not-found', { what: 'this picture' });
    return sendPicture(reply, await platform.options.blobs.get(blob.data), blob.data);
  });
}

function sendPicture(reply: FastifyReply, bytes: Uint8Array, name: string): FastifyReply {
  const extension = name.split('.').at(-1) ?? '';
  return reply
    .header('content-type', mediaTypes[extension] ?? 'application/octet-stream')
    .header('cache-control', 'private, max-age=31536000, immutable')
    .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}
