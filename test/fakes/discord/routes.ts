import type { GatewayServer } from './gateway-server.ts';
import type { UploadedFile } from './message-store.ts';
import type { RateRules } from './rate-buckets.ts';
import type { World } from './world.ts';

export interface RouteCall {
  readonly world: World;
  readonly gateway: GatewayServer;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly files: readonly UploadedFile[];
}
export interface RouteAnswer {
  readonly status: number;
  readonly json?: unknown;
}
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/channels/:channel/messages/:message`. */
  readonly pattern: string;
  readonly bucket: keyof Omit<RateRules, 'global'>;
  /** The bucket's name in the header; routes that share one share a counter. */
  readonly hash: string;
  /** The parameters that split the bucket. */
  readonly major: readonly string[];
  /** False where the token stands in the path. */
  readonly needsToken: boolean;
  readonly handle: (call: RouteCall) => RouteAnswer;
}

/** The parameter of a pattern that matched; the router fills them all. */
export function param(call: RouteCall, name: string): string {
  const value = call.params[name];
  if (value === undefined) throw new RangeError(`the route has no parameter ${name}`);
  return value;
}

export function matchRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): { readonly route: Route; readonly params: Record<string, string> } | undefined {
  const parts = path.split('/');
  for (const route of routes) {
    const wanted = route.pattern.split('/');
    if (route.method !== method || wanted.length !== parts.length) continue;
    const params: Record<string, string> = {};
    const fits = wanted.every((piece, index) => {
      const found = decodeURIComponent(parts[index] ?? '');
      if (!piece.startsWith(':')) return piece === found;
      params[piece.slice(1)] = found;
      return true;
    });
    if (fits) return { route, params };
  }
  return undefined;
}
