import type * as v from 'valibot';
import type { ControlCommandType, MessageType } from '../protocol.js';

/**
 * The roles of keys. `observe` reads states and output, `input` writes to standard input, `lifecycle` starts, stops and signals, `configure` deletes
 * children, `spawn` adds them: a key with `spawn` runs programs as the user of the server.
 */
export const ROLES = ['observe', 'input', 'lifecycle', 'configure', 'spawn'] as const;

export type Role = (typeof ROLES)[number];

/**
 * The subject of an operation, for which its role is needed:
 * - `agent`, `supervisor`: the one that the request names;
 * - `tree`: the whole tree;
 * - `listing`: the part of the tree that the peer may observe; a peer that may observe nothing is refused;
 * - `server`: open to every peer that has proved its key;
 * - `batch`: many agents, each checked separately.
 */
export type Subject = 'agent' | 'supervisor' | 'tree' | 'listing' | 'server' | 'batch';

/**
 * The effect of an idempotency key on an operation. `none`: the operation changes nothing and is simply repeated. `optional`: requests with the same key
 * are carried out once. `automatic`: as `optional`, and supertree's client gives each request a key, to send it again after a lost connection.
 */
export type Idempotency = 'none' | 'optional' | 'automatic';

/** The one declaration of an operation. Validation, access, the client's method, the command line and the reference derive from it. */
export interface Operation<
  Of extends Subject = Subject,
  Params = unknown,
  Result = unknown,
  Args extends readonly string[] = readonly string[],
> {
  readonly of: Of;
  /** The parameter that names the agent or the supervisor. If not given, none. */
  readonly named?: 'agent' | 'path' | 'parent';
  /** The role that is needed for the subject; `null` for none. */
  readonly role: Role | null;
  /** Parameters that need another role when they are true. If not given, none. */
  readonly roleWith?: Readonly<Record<string, Role>>;
  readonly idempotency: Idempotency;
  /** True when its parameters may have many values; a request for another operation has at most `FEW_VALUES` (`protocol/scan.ts`). */
  readonly large: boolean;
  /** True when it takes as long as its agent does, so that a client sets no time limit by default. */
  readonly waits: boolean;
  /** The schema of the parameters. */
  readonly params: v.GenericSchema<unknown, Params>;
  /** The parameters before the options of the client's method, in order. */
  readonly args: Args;
  /** One sentence for the reference page. */
  readonly does: string;
  /** The commands of the agent protocol's `control_command` with this meaning. */
  readonly commands: readonly ControlCommandType[];
  /** The requests of the agent protocol with this meaning. */
  readonly messages: readonly MessageType[];
  /** The command of `supertree` for several agents at once. If not given, none. */
  readonly cli?: CliVerb;
  /** Only a type: the result. */
  readonly result?: Result;
}

/** The help of a command of `supertree` for the lifecycle of several agents. */
export interface CliVerb {
  readonly does: string;
  /** When the command returns. */
  readonly until: string;
}

type Optional = 'args' | 'large' | 'waits' | 'commands' | 'messages' | 'idempotency' | 'result';

/** The role that a request with these parameters needs; `null` for none. */
export function roleFor({ role, roleWith = {} }: Operation, params: Readonly<Record<string, unknown>>): Role | null {
  const [, other] = Object.entries(roleWith).find(([name]) => params[name] === true) ?? [];
  return other ?? role;
}

/** Begins the declaration of an operation with the result `Result`; missing fields are none, or false. */
export function answeredWith<Result>() {
  return <
    const Of extends Subject,
    Schema extends v.GenericSchema<unknown, unknown>,
    const Args extends readonly string[] = readonly [],
  >(
    given: Omit<Operation<Of, unknown, Result, Args>, Optional | 'params'> &
      Partial<Pick<Operation<Of, unknown, Result, Args>, Exclude<Optional, 'result'>>> & { readonly params: Schema },
  ): Operation<Of, v.InferOutput<Schema>, Result, Args> => ({
    idempotency: 'none',
    large: false,
    waits: false,
    args: [] as unknown as Args,
    commands: [],
    messages: [],
    ...(given as typeof given & { readonly params: v.GenericSchema<unknown, v.InferOutput<Schema>> }),
  });
}
