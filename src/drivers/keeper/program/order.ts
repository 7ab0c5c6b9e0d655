import type { ToKeeper } from '../protocol/messages.js';

type StartMessage = Extract<ToKeeper, { type: 'start' }>;

/** What is spawned. It is not kept: the environment alone has some KB. */
export type SpawnCommand = Pick<StartMessage, 'argv' | 'env' | 'cwd'>;

/** What a `start` says about an agent beside that. */
export type AgentOrder = Omit<StartMessage, keyof SpawnCommand>;
