import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { FrescoError } from '../../fresco-error.ts';
import { requireVisitor } from './web-login.ts';
import type { WebPlatform } from './web-platform.ts';
import { chatBody, completeQuery, formBody, pressBody, typedBody } from './web-requests.ts';
import { maxUploadBytes, type WebUploads } from './web-uploads.ts';

/** What a visitor says, presses, fills in and attaches. */
export function addTalkRoutes(server: FastifyInstance, platform: WebPlatform, uploads: WebUploads): void {
  const asked = (request: FastifyRequest, conversation: string) => {
    const visitor = requireVisitor(platform, request);
    return {
      visitor,
      common: {
        principal: platform.principal(visitor, conversation),
        place: platform.place(visitor, conversation),
        receivedAtMs: platform.options.clock.now(),
      },
    };
  };

  server.post('/api/chat', async (request) => {
    const { conversation, message, text, replyTo, files } = parse(chatBody, request.body);
    const { visitor, common } = asked(request, conversation);
    const reply = replyTo === undefined ? {} : { replyTo: { message: replyTo } };
    return platform.receive({ kind: 'chat', ...common, text, message, ...reply, attachments: uploads.take(visitor.user, files) }, visitor, conversation);
  });

  server.post('/api/command', async (request) => {
    const { conversation, command, text, files } = parse(typedBody, request.body);
    const { visitor, common } = asked(request, conversation);
    return platform.receive({ kind: 'typed', ...common, command, text, attachments: uploads.take(visitor.user, files) }, visitor, conversation);
  });

  server.post('/api/press', async (request) => {
    const { conversation, message, action } = parse(pressBody, request.body);
    const { visitor, common } = asked(request, conversation);
    const ref = { platform: 'web', channel: `${visitor.user}/${conversation}`, message } as const;
    return platform.receive({ kind: 'press', ...common, actionId: action, message: ref }, visitor, conversation);
  });

  server.post('/api/form', async (request) => {
    const { conversation, form, values } = parse(formBody, request.body);
    const { visitor, common } = asked(request, conversation);
    return platform.receive({ kind: 'form', ...common, formId: form, values }, visitor, conversation);
  });

  server.get('/api/complete', async (request) => {
    const { command, option, typed } = parse(completeQuery, request.query);
    const visitor = requireVisitor(platform, request);
    return platform.desk.complete({ principal: platform.principal(visitor, ''), command, option, typed });
  });

  void server.register(async (scope) => {
    scope.removeAllContentTypeParsers(); // a text or JSON file is a file here
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: maxUploadBytes }, (_request, body, done) => done(null, body));
    scope.post('/api/files', async (request) => {
      const visitor = requireVisitor(platform, request);
      const name = decodeURIComponent(String(request.headers['x-file-name'] ?? 'file')).slice(0, 200);
      if (!Buffer.isBuffer(request.body)) throw new FrescoError('attachment-refused', { name, reason: 'it is no file' });
      return { id: uploads.add(visitor.user, name, String(request.headers['content-type'] ?? 'application/octet-stream'), request.body) };
    });
  });
}

/** The checked body. Throws 'option-invalid' naming the first field that is wrong. */
export function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new FrescoError('option-invalid', { option: issue?.path.join('.') ?? 'body', found: 'something else', expected: issue?.message ?? 'a JSON object' });
}
