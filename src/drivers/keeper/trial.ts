import { openSession, type SessionListener } from './session.js';

/** Starts a keeper, connects to it and ends it again. Rejects KEEPER_UNAVAILABLE. */
export async function tryKeeper(): Promise<void> {
  const session = await openSession({ tree: 'trial' }, DEAF, new AbortController().signal);
  await session.close(PATIENCE);
}

/** A keeper without agents has nothing to report. */
const DEAF: SessionListener = { lost: () => {}, problem: () => {} };

/** How long the keeper may take to end itself, in ms. */
const PATIENCE = 10_000;
