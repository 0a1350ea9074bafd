import { expect, it } from 'vitest';
import { schedulerConfigFor } from '../../../src/inference/image/scheduler-config.ts';
import { dynamicallyThresholded } from '../../../src/inference/image/schedulers/prediction.ts';
import { TorchGenerator } from '../../../src/inference/runtime/torch-random.ts';

it('thresholds each picture of a batch by its own percentile', () => {
  const config = schedulerConfigFor('DDIMScheduler', { thresholding: true, sample_max_value: 10 });
  const generator = new TorchGenerator(8);
  const quiet = generator.normal(64).map((value) => value * 0.2);
  const loud = generator.normal(64).map((value) => value * 4);
  const together = dynamicallyThresholded(config, Float32Array.of(...quiet, ...loud), 2);
  expect(together.subarray(0, 64)).toEqual(dynamicallyThresholded(config, quiet, 1));
  expect(together.subarray(64)).toEqual(dynamicallyThresholded(config, loud, 1));
  expect(together.subarray(0, 64)).toEqual(quiet); // within [-1, 1] already
  expect(Math.max(...together.subarray(64).map(Math.abs))).toBeCloseTo(1, 6);
});
