import { becomeHost } from './host-process.ts';

/** The program of a forked host. Each lane's engines are loaded when the first model is opened, so a host carries only its own. */
becomeHost({
  openText: async (model, runtime) => (await import('../text/text-engine.ts')).openTextEngine(model, runtime),
  openImage: async (model, runtime, services) => (await import('../image/image-engine.ts')).openImageEngine(model, runtime, services),
  listDevices: async () => (await import('../runtime/ort-session.ts')).availableDevices(),
  probe: async (device) => (await import('../runtime/device-choice.ts')).probeDevice(device),
});
