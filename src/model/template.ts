/*
 * Placeholders in arguments and environment values. `{port}`, `{port:name}`, `{id}` and `{incarnation}` are replaced; in arguments also `{env:NAME}`,
 * by the value in the environment of the spec, so that a secret argument is never shown by its value. A doubled pair, `{{port}}`, stands for the text
 * `{port}`. Other braces are left alone, so JSON and code need no escapes.
 */

/** The values of the placeholders for one incarnation. */
export interface TemplateFacts {
  readonly id: string;
  readonly incarnation: number;
  /** By name, in the order of the spec: `{port}` is the first. */
  readonly ports: Readonly<Record<string, number>>;
  /** The environment of the spec. If not given, `{env:NAME}` is left alone. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The values that every incarnation gets in its environment. */
export interface EnvironmentFacts extends TemplateFacts {
  readonly path: string;
  /** Unique to this incarnation. */
  readonly token: string;
  /** The endpoint of the server; `null` without a server. */
  readonly endpoint: string | null;
}

/** Fills the placeholders of one text. A placeholder of an unknown port is left alone; `unknownPorts` finds those beforehand. */
export function fillTemplate(text: string, facts: TemplateFacts): string {
  return text.replace(PLACEHOLDER, (whole, literal: string | undefined, word: string | undefined) =>
    literal === undefined ? (meaningOf(word ?? '', facts) ?? whole) : `{${literal}}`,
  );
}

/** Escapes a text so that `fillTemplate` returns it unchanged. */
export function escapeTemplate(text: string): string {
  return text.replace(SINGLE, '{$&}');
}

/** Fills the placeholders of every value. */
export function fillEnvironment(env: Readonly<Record<string, string>>, facts: TemplateFacts): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fillTemplate(value, facts)]));
}

/** The placeholders of `text` that name a port outside `ports`, as written. */
export function unknownPorts(text: string, ports: readonly string[]): string[] {
  return [...text.matchAll(PLACEHOLDER)].flatMap(([whole, , word]) => {
    if (word === undefined || !word.startsWith('port')) return [];
    const known = word === 'port' ? ports.length > 0 : ports.includes(word.slice('port:'.length));
    return known ? [] : [whole];
  });
}

/**
 * The variables that supertree adds to the environment of an agent: SUPERTREE_AGENT_ID, SUPERTREE_AGENT_PATH,
 * SUPERTREE_INCARNATION, SUPERTREE_TOKEN, SUPERTREE_ENDPOINT (with a server), PORT (the first port) and PORT_<NAME> for each.
 * They take precedence over the variables of the spec, so that an agent can rely on them.
 */
export function agentEnvironment(facts: EnvironmentFacts): Record<string, string> {
  return {
    SUPERTREE_AGENT_ID: facts.id,
    SUPERTREE_AGENT_PATH: facts.path,
    SUPERTREE_INCARNATION: String(facts.incarnation),
    SUPERTREE_TOKEN: facts.token,
    ...(facts.endpoint === null ? {} : { SUPERTREE_ENDPOINT: facts.endpoint }),
    ...portVariables(facts.ports),
  };
}

/** The variable that carries the port of that name. */
export function portVariable(name: string): string {
  return `PORT_${name.toUpperCase()}`;
}

function portVariables(ports: Readonly<Record<string, number>>): Record<string, string> {
  const all = Object.entries(ports);
  const first = all[0];
  if (first === undefined) return {};
  return {
    PORT: String(first[1]),
    ...Object.fromEntries(all.map(([name, port]) => [portVariable(name), String(port)])),
  };
}

function meaningOf(word: string, facts: TemplateFacts): string | null {
  if (word === 'id') return facts.id;
  if (word === 'incarnation') return String(facts.incarnation);
  if (word.startsWith('env:')) return variableOf(word.slice('env:'.length), facts.env ?? {});
  const name = word === 'port' ? Object.keys(facts.ports)[0] : word.slice('port:'.length);
  const port = name !== undefined && Object.hasOwn(facts.ports, name) ? facts.ports[name] : undefined;
  return port === undefined ? null : String(port);
}

function variableOf(name: string, env: Readonly<Record<string, string>>): string | null {
  return Object.hasOwn(env, name) ? (env[name] ?? null) : null;
}

const WORD = 'port(?::[A-Za-z][A-Za-z0-9_]*)?|id|incarnation|env:[A-Za-z_][A-Za-z0-9_]*';
const SINGLE = new RegExp(`\\{(?:${WORD})\\}`, 'g');
const PLACEHOLDER = new RegExp(`\\{\\{(${WORD})\\}\\}|\\{(${WORD})\\}`, 'g');
