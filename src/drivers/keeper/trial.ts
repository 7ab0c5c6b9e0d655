import { openSession, type SessionListener } from './session.js';

/** Starts a keeper, connects to it and ends it again. Resolves with why it works without native code; `null` when it has that. Rejects KEEPER_UNAVAILABLE. */
export async function tryKeeper(): Promise<string | null> {
  const session = await openSession({ tree: 'trial' }, DEAF, new AbortController().signal);
  const { weakness } = session;
  await session.close(PATIENCE);
  return weakness;
}

/** A keeper without agents has nothing to report. */
const DEAF: SessionListener = { lost: () => {}, problem: () => {}, idle: () => {} };

/** How long the keeper may take to end itself, in ms. */
const PATIENCE = 10_000;
