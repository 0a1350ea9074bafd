import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Does nothing but measure its own event loop: what the machine alone costs. */
const delay = monitorEventLoopDelay({ resolution: 1 });
process.on('message', (word) => {
  if (word === 'measure') delay.enable();
  if (word === 'report') {
    delay.disable();
    process.send?.(delay.percentile(99.9) / 1e6);
  }
});
process.send?.('here');
