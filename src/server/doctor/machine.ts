import { defaultPorts } from '../../actors/ports/ports.js';
import { childrenOfMainThread, listPids } from '../../drivers/proc/proc.js';
import { hiddenProcesses } from '../../drivers/proc/system.js';
import { SupertreeError } from '../../errors.js';
import { broken, type Finding, fine, weaker } from '../../model/finding.js';
import { rangeText } from '../../model/lease.js';
import { openFilesLimit, RECOMMENDED_LIMIT } from '../open-files.js';
import { processLimit } from '../process-limit.js';
import { refused } from './refused.js';

export function platform(): Finding {
  const { platform: system, arch } = process;
  return system === 'linux'
    ? fine('platform', `${system} ${arch}`)
    : refused('platform', new SupertreeError('PLATFORM', { platform: system }));
}

/** What /proc tells of processes. */
export function proc(): Finding {
  const pids = listPids();
  if (pids === undefined) return broken('proc', 'It cannot be listed', 'Mount proc(5): mount -t proc proc /proc.');
  if (childrenOfMainThread() === undefined)
    return weaker(
      'proc',
      'It does not list the children of a process',
      'Run a kernel with CONFIG_PROC_CHILDREN; without it commands run as children of the program itself.',
    );
  const hidden = hiddenProcesses();
  if (hidden !== null && process.geteuid?.() !== 0)
    return weaker(
      'proc',
      `It is mounted with hidepid=${hidden}: processes of other users, and own ones that are not dumpable, are not seen`,
      'Mount it without that option if agents run programs such as sudo or ssh-agent: mount -o remount,hidepid=0 /proc.',
    );
  return fine('proc', `It lists ${pids.length} processes, and the children of each`);
}

export function descriptors(): Finding {
  const limit = openFilesLimit();
  const fact = `At most ${limit} files can be open: connections and pipes of agents together`;
  return limit >= RECOMMENDED_LIMIT
    ? fine('descriptors', fact)
    : weaker('descriptors', fact, `Raise the limit to ${RECOMMENDED_LIMIT} with LimitNOFILE= or ulimit -Hn.`);
}

export function processes(): Finding {
  const found = processLimit();
  if (found === null) return fine('processes', 'Their number is not limited');
  const { user, limit, used } = found;
  const fact = `User ${user} may have ${limit} processes and threads, and has ${used}`;
  return limit - used >= RECOMMENDED_PROCESSES
    ? fine('processes', fact)
    : weaker('processes', fact, 'Raise the limit with LimitNPROC= or ulimit -Hu: every agent needs at least one.');
}

/** The default range of leased ports, and the ports that the kernel gives to outgoing connections. */
export function ports(): Finding {
  const { range, ephemeral, refusal } = defaultPorts();
  if (refusal !== null) return refused('ports', refusal);
  const fact = `Agents get ports from ${rangeText(range)}; the ephemeral range of the kernel is ${rangeText(ephemeral)}`;
  return fine('ports', fact);
}

/** Enough for a keeper, a server, and some hundred agents. */
const RECOMMENDED_PROCESSES = 512;
