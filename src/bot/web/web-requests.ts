import { z } from 'zod';

const id = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/);
const files = z.array(id).max(4).default([]);
/** Longer than any limit of the commands room, so that its own sentence is what a person reads. */
const longText = z.string().max(1_000_000);

/** What the page posts, checked at the door. */
export const chatBody = z.strictObject({ conversation: id, message: id, text: longText, replyTo: id.optional(), files });
export const typedBody = z.strictObject({ conversation: id, command: z.string().min(1).max(40), text: longText, files });
export const pressBody = z.strictObject({ conversation: id, message: id, action: z.string().min(1).max(100) });
export const formBody = z.strictObject({ conversation: id, form: z.string().min(1).max(200), values: z.record(z.string().max(100), longText) });
export const loginBody = z.strictObject({ password: z.string().max(1000) });
export const completeQuery = z.object({ command: z.string().max(40), option: z.string().max(40), typed: z.string().max(200).default('') });
export const conversationParams = z.object({ conversation: id });
