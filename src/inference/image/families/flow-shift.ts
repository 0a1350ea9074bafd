import type { SchedulerConfig } from '../scheduler-config.ts';

/**
 * mu of a dynamically shifted flow: linear in the number of picture tokens between two anchors.
 * Source: diffusers `calculate_shift` (pipeline_flux.py); 1,024² gives 1.15, 512² gives 0.63 with the defaults.
 */
export function flowShiftFor(config: SchedulerConfig, tokens: number): number {
  const slope = (config.maxShift - config.baseShift) / (config.maxImageSeqLen - config.baseImageSeqLen);
  return tokens * slope + config.baseShift - slope * config.baseImageSeqLen;
}
