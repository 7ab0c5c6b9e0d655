/*
 * Placeholders in arguments and in values of the environment. `{port}`, `{port:name}`, `{id}` and `{incarnation}` are replaced,
 * in arguments also `{env:NAME}` by what the environment of the spec says, so that a secret argument is shown nowhere by its value;
 * a doubled pair, `{{port}}`, stands for the text `{port}`. Every other brace is left alone, so JSON and code pass as they are.
 */

/** What the placeholders of one incarnation stand for. */
export interface TemplateFacts {
  readonly id: string;
  readonly incarnation: number;
  /** By name, in the order in which they were asked for: `{port}` is the first. */
  readonly ports: Readonly<Record<string, number>>;
  /** The environment of the spec. If not given, `{env:NAME}` stays as it is. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What every incarnation is told in its environment. */
export interface EnvironmentFacts extends TemplateFacts {
  readonly path: string;
  /** Unique to this incarnation. */
  readonly token: string;
  /** Where the server listens; `null` when there is none. */
  readonly endpoint: string | null;
}

/** Fills the placeholders of one text. One that names a port which is not there stays as it is; `unknownPorts` finds those beforehand. */
export function fillTemplate(text: string, facts: TemplateFacts): string {
  return text.replace(PLACEHOLDER, (whole, literal: string | undefined, word: string | undefined) =>
    literal === undefined ? (meaningOf(word ?? '', facts) ?? whole) : `{${literal}}`,
  );
}

/** The text of which `fillTemplate` makes `text`, whatever it looks like. */
export function escapeTemplate(text: string): string {
  return text.replace(SINGLE, '{$&}');
}

/** Fills the placeholders of every value. */
export function fillEnvironment(env: Readonly<Record<string, string>>, facts: TemplateFacts): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fillTemplate(value, facts)]));
}

/** The placeholders of `text` that name a port which is not among `ports`, as they were written. */
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
 * They belong behind the variables of the spec: an agent can rely on them.
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
