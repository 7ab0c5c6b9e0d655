import type { Measurement } from './measurement.js';

/** All measurements by name, in the order in which they run. Each is loaded only when it is wanted. */
export const measurements: Readonly<Record<string, () => Promise<Measurement>>> = {
  supervisors: async () => (await import('./supervisors.js')).supervisors,
  start: async () => (await import('./start.js')).start,
  replacement: async () => (await import('./replacement.js')).replacement,
  memory: async () => (await import('./memory.js')).memory,
  idle: async () => (await import('./idle.js')).idle,
  sampling: async () => (await import('./sampling.js')).sampling,
  'in-process': async () => (await import('./in-process.js')).inProcess,
  user: async () => (await import('./user.js')).user,
  wire: async () => (await import('./wire.js')).wire,
};
