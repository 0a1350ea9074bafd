import { fairnessRun } from '../test/inference/jobs/fairness-run.ts';

/** Prints how fairly 1,000 jobs of 50 users wait, beside what a plain line (first come, first served) would give. */
const startedMs = performance.now();
const { waits, index, plainIndex } = await fairnessRun({ users: 50, jobsEach: 20 });
const wallMs = performance.now() - startedMs;
process.stdout.write(
  `jobs: ${waits.length} ended of 1000, 50 users\n` +
    `Jain's index of waiting: ${index.toFixed(4)} fair order, ${plainIndex.toFixed(4)} plain line\n` +
    `queue work: ${(wallMs / waits.length).toFixed(2)} ms a job (submit, order, positions to all, end)\n`,
);
