import { becomeHost } from './host-process.ts';

/** The program of a forked host. Each lane's engines are loaded when the first model is opened, so a host carries only its own. */
becomeHost({
  openText: async (model, runtime) => (await import('../text/text-engine.ts')).openTextEngine(model, runtime),
  openImage: async (model, runtime, { blobs, logger, settings }) => {
    const { loraFolder, companions, safetyChecker: safety, memoryBudgetBytes } = settings;
    const { openImageEngine } = await import('../image/image-engine.ts');
    return openImageEngine(model, runtime, { blobs, logger, loraFolder, ...companions, safety, memoryBudgetBytes });
  },
  listDevices: async () => (await import('../runtime/ort-session.ts')).availableDevices(),
  probe: async (device) => (await import('../runtime/device-choice.ts')).probeDevice(device),
});
