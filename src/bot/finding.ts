/** What one check of `fresco doctor` found, and how to mend it. */
export interface Finding {
  readonly check: string;
  readonly state: 'good' | 'note' | 'bad';
  readonly found: string;
  readonly mend?: string;
}
