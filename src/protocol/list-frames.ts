import type { AgentView } from '../contract/view.js';
import { pack } from './codec.js';
import { arrayHead, mapHead } from './packed-parts.js';
import type { AgentInfo, Draft } from './protocol.js';
import { agentInfo as infoOf } from './status.js';
import { writeFields } from './struct.js';
import { agentInfo } from './structs.js';

interface Kept {
  readonly of: AgentView;
  readonly info: AgentInfo;
}

/**
 * What the agent protocol lists about each agent, kept as long as it stays the same: most of a list is what it was when it was asked for
 * before. Whoever keeps one must forget what is removed.
 */
export class AgentInfos {
  readonly #kept = new Map<string, Kept>();

  /** The same object for the same content. */
  get(view: AgentView): AgentInfo {
    const kept = this.#kept.get(view.uuid);
    if (kept !== undefined && isSame(kept.of, view)) return kept.info;
    const info = infoOf(view);
    this.#kept.set(view.uuid, { of: view, info });
    return info;
  }

  forget(uuid: string): void {
    this.#kept.delete(uuid);
  }
}

/** Of everything that `agentInfo` of status.ts reads. */
function isSame(a: AgentView, b: AgentView): boolean {
  return (
    a.state === b.state &&
    a.startedAt === b.startedAt &&
    a.createdAt === b.createdAt &&
    a.pausedAt === b.pausedAt &&
    a.pauseMode === b.pauseMode &&
    a.id === b.id &&
    a.metadata === b.metadata &&
    (a.command === b.command || a.command.join('\0') === b.command.join('\0'))
  );
}

/** The very bytes that `pack` makes of a list as it is written, with the bytes of each agent made once. */
export function packList(head: Readonly<Record<string, unknown>>, { agents }: Draft<'list_agents_response'>): Buffer {
  const parts: Buffer[] = [mapHead(Object.keys(head).length)];
  for (const [name, value] of Object.entries(head)) {
    parts.push(pack(name));
    if (name === 'agents') parts.push(arrayHead(agents?.length ?? 0), ...(agents ?? []).map(packedInfo));
    else parts.push(pack(value));
  }
  return Buffer.concat(parts);
}

function packedInfo(info: AgentInfo): Buffer {
  let bytes = packed.get(info);
  if (bytes === undefined) {
    bytes = pack(writeFields(agentInfo.fields, info));
    packed.set(info, bytes);
  }
  return bytes;
}

const packed = new WeakMap<AgentInfo, Buffer>();
