/** What a prompt becomes for the denoiser: named arrays, one row for each picture, or shared by all rows. */

/** Values of one row of a graph input; `dims` without the batch axis. */
export interface RowValues {
  readonly values: Float32Array;
  readonly dims: readonly number[];
}
export type RowFeeds = Readonly<Record<string, RowValues>>;

export interface Conditioning {
  readonly positive: RowFeeds;
  /** Present when the guidance is classifier-free: the row to move away from. */
  readonly negative: RowFeeds | undefined;
  /** Fed as they are, without a batch axis (Flux: positions of text and picture). */
  readonly shared: RowFeeds;
}

export const row = (values: Float32Array | readonly number[], dims: readonly number[]): RowValues => ({
  values: values instanceof Float32Array ? values : Float32Array.from(values),
  dims,
});
