/** Numbers as a person reads them; used by sentences, status lines and tables alike. */

/** A length of time: "0.4 s", "7 s", "2 min", "1 h 5 min". */
export function durationWords(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}

/** A length of time that is not known exactly: "about 40 s"; rounded up, so that who comes then is not too early. */
export function waitWords(ms: number): string {
  return `about ${durationWords(Math.max(1, Math.ceil(ms / 1000)) * 1000)}`;
}

/** A number of bytes: "640 kB", "1.5 GB". */
export function sizeWords(bytes: number): string {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** Text that Markdown shows letter by letter. Mentions pass through: a platform makes those harmless itself. */
export function literalMarkdown(text: string): string {
  return text.replace(/[\\*_~`|[\]]/g, '\\$&').replace(/^(\s*)([#>+-])/gm, '$1\\$2');
}
