import { pack } from './codec.js';
import { arrayHead, mapHead } from './packed-parts.js';
import type { AgentInfo, Draft } from './protocol.js';
import { writeFields } from './struct.js';
import { agentInfo } from './structs.js';

/** The bytes of a list, equal to those of `pack`; the bytes of each agent are cached. */
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
