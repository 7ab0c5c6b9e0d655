import { tryKeeper } from '../../drivers/keeper/trial.js';
import { orphansObstacle } from '../../drivers/orphans.js';
import { missingWithoutKoffi } from '../../drivers/promises.js';
import { messageOf, SupertreeError } from '../../errors.js';
import { broken, type Finding, fine, weaker } from '../../model/finding.js';
import { REQUIRED_NODE } from '../version.js';
import { refused } from './refused.js';

export function node(version: string = process.versions.node): Finding {
  const fact = `Node ${version}`;
  return isAtLeast(version, REQUIRED_NODE)
    ? fine('node', fact)
    : broken('node', `${fact} is older than ${REQUIRED_NODE}`, `Install Node ${REQUIRED_NODE} or later.`);
}

function isAtLeast(version: string, required: string): boolean {
  const [have, need] = [version, required].map((text) => text.split('.').map(Number));
  for (const [at, number] of need!.entries()) if (have![at] !== number) return (have![at] ?? 0) > number;
  return true;
}

/** Loaded only here: a server and a client need it, a program that embeds a tree does not. */
export async function zeromq(): Promise<Finding> {
  try {
    const { newKeyPair } = await import('../../protocol/curve.js');
    newKeyPair();
    return fine('zeromq', 'It loads, with CURVE');
  } catch (thrown) {
    return broken(
      'zeromq',
      `It cannot be loaded: ${messageOf(thrown).split('\n')[0]}`,
      'Install it anew for this system: npm rebuild zeromq. A program that only embeds a tree does not need it.',
    );
  }
}

/** Starts a keeper, connects to it, and ends it. */
export async function keeper(): Promise<Finding> {
  if (process.platform !== 'linux')
    return refused('keeper', new SupertreeError('PLATFORM', { platform: process.platform }));
  try {
    const weakness = await tryKeeper();
    if (weakness === null) return fine('keeper', 'It starts, with koffi, and is the subreaper of agents (prctl)');
    const orphans = (await orphansObstacle()) === null ? '' : ORPHANS;
    return weaker(
      'keeper',
      `It starts, but works without koffi (${weakness}), and so without: ${missingWithoutKoffi()}${orphans}`,
      'Install koffi with its binary for this processor (npm install koffi), and allow prctl(2); see docs/drivers.md.',
    );
  } catch (thrown) {
    return refused('keeper', thrown);
  }
}

const ORPHANS = '; the first process of a container would not reap the orphans that come to it';
