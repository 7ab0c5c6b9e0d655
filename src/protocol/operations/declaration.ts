import type * as v from 'valibot';
import type { ControlCommandType, MessageType } from '../protocol.js';

/**
 * What a key may be allowed to do. `observe` reads states and output, `input` writes to standard input, `lifecycle` starts,
 * stops and signals, `configure` deletes children, `spawn` adds them: who may spawn runs programs as the user of the server.
 */
export const ROLES = ['observe', 'input', 'lifecycle', 'configure', 'spawn'] as const;

export type Role = (typeof ROLES)[number];

/**
 * What an operation is about, which is where its role is needed:
 * - `agent`, `supervisor`: the one that the request names;
 * - `tree`: the whole tree;
 * - `listing`: whatever of the tree the peer may observe; a peer that may observe nothing is refused;
 * - `server`: open to every peer that has proved its key;
 * - `batch`: many agents, each of them a request of its own.
 */
export type Subject = 'agent' | 'supervisor' | 'tree' | 'listing' | 'server' | 'batch';

/**
 * What an idempotency key does for an operation. `none`: it changes nothing, so it is simply done again. `optional`: it is done once for all
 * requests with the same key. `automatic`: so it is, and our own client gives each request a key, to send it again after a lost connection.
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
  /** The parameter that names the agent or the supervisor. If not given, there is none. */
  readonly named?: 'agent' | 'path' | 'parent';
  /** The role that the subject takes; `null` for none. */
  readonly role: Role | null;
  /** Parameters that take another role when they are true. If not given, none does. */
  readonly roleWith?: Readonly<Record<string, Role>>;
  readonly idempotency: Idempotency;
  /** True when it takes as long as its agent takes, so that a client sets no time limit of its own. */
  readonly waits: boolean;
  /** Checks and reads the parameters. */
  readonly params: v.GenericSchema<unknown, Params>;
  /** The parameters that the method of the client takes before its options, in order. */
  readonly args: Args;
  /** One sentence for the reference. */
  readonly does: string;
  /** The commands of a `control_command` that are this operation in the agent protocol. */
  readonly commands: readonly ControlCommandType[];
  /** The requests of the agent protocol that are this operation. */
  readonly messages: readonly MessageType[];
  /** The command of `supertree` for several agents at once. If not given, there is none of this kind. */
  readonly cli?: CliVerb;
  /** Only a type: what it is answered with. */
  readonly result?: Result;
}

/** How `supertree` explains a command that gives several agents a lifecycle command. */
export interface CliVerb {
  readonly does: string;
  /** When it is done. */
  readonly until: string;
}

type Optional = 'args' | 'waits' | 'commands' | 'messages' | 'idempotency' | 'result';

/** The role that a request with these parameters takes; `null` for none. */
export function roleFor({ role, roleWith = {} }: Operation, params: Readonly<Record<string, unknown>>): Role | null {
  const [, other] = Object.entries(roleWith).find(([name]) => params[name] === true) ?? [];
  return other ?? role;
}

/** Begins the declaration of an operation that is answered with `Result`; what is left out is none, or false. */
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
    waits: false,
    args: [] as unknown as Args,
    commands: [],
    messages: [],
    ...(given as typeof given & { readonly params: v.GenericSchema<unknown, v.InferOutput<Schema>> }),
  });
}
