import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** One job in the queue, for its whole life, also across restarts. */
export type JobId = Branded<string, 'JobId'>;
/** Who asks, as `platform:workspace:user`; the unit of fairness and of ownership. */
export type UserKey = Branded<string, 'UserKey'>;
/** One conversation: a direct message, a thread or a reply chain. */
export type ConversationKey = Branded<string, 'ConversationKey'>;
/** A stored picture or file: the SHA-256 of its bytes in hexadecimal, a dot and its extension. */
export type BlobRef = Branded<string, 'BlobRef'>;
/** A random seed: an unsigned 32-bit integer, as torch's CPU generator reads it. */
export type Seed = Branded<number, 'Seed'>;

export const jobIdSchema = z
  .string()
  .regex(/^[0-9a-z]{12,40}$/)
  .transform((value) => value as JobId);
export const blobRefSchema = z
  .string()
  .regex(/^[0-9a-f]{64}\.[a-z0-9]{2,5}$/)
  .transform((value) => value as BlobRef);
export const seedSchema = z
  .int()
  .min(0)
  .max(0xffff_ffff)
  .transform((value) => value as Seed);
export const userKeySchema = z
  .string()
  .min(1)
  .max(300)
  .transform((value) => value as UserKey);
export const conversationKeySchema = z
  .string()
  .min(1)
  .max(500)
  .transform((value) => value as ConversationKey);

/** A fresh job id: 32 hexadecimal digits, unguessable. */
export function newJobId(): JobId {
  return jobIdSchema.parse(randomUUID().replaceAll('-', ''));
}

/** The content address of `bytes` with the given extension (`png`, `webp`, `jpg`, `txt`). */
export function blobRefOf(bytes: Uint8Array, extension: string): BlobRef {
  return blobRefSchema.parse(`${createHash('sha256').update(bytes).digest('hex')}.${extension}`);
}

/** A random seed from the system's generator. */
export function randomSeed(): Seed {
  return seedSchema.parse(Number.parseInt(randomUUID().slice(0, 8), 16));
}
