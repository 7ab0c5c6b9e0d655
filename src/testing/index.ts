/** Test doubles for programs with supervised agents: a virtual clock, and a driver without processes. */
export type { FakeBehaviour, FakeScript } from './fake-behaviour.js';
export { createFakeDriver, type FakeDriver } from './fake-driver.js';
export type { FakeCall, FakeLife } from './fake-life.js';
export type { FakeUsage } from './fake-meter.js';
export {
  type AskedLease,
  createFakePorts,
  type FakeLease,
  type FakeLeaseScript,
  type FakePorts,
  type FakePortsOptions,
} from './fake-ports.js';
export {
  createInProcessTransport,
  type InProcessOptions,
  type InProcessPeer,
  type InProcessTransport,
} from './in-process-transport.js';
export { createVirtualClock, type VirtualClock, type VirtualClockOptions } from './virtual-clock.js';
