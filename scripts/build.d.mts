/** Builds the program and the page into `dist/`. */
export function buildFresco(options?: { readonly outdir?: string }): Promise<void>;
/** Builds the page alone, into a folder of the checkout. */
export function buildPage(outdir: string): Promise<void>;
