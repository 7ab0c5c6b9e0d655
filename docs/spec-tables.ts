import { schemaText } from './generate-schema.js';
import { code, table } from './markdown.js';

/** The properties of a JSON Schema that are read here. */
interface Schema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
}

/** A table for each thing that has fields, the tree first; all from the JSON Schema, so it says what is accepted. */
export function specTables(): string[] {
  const schema = JSON.parse(schemaText()) as Schema;
  const { Agent, Supervisor, Pool } = schema.$defs ?? {};
  const titled = new Map<string, Schema>();
  for (const each of [{ ...schema, title: 'The tree' }, Agent, Supervisor, Pool]) {
    if (each !== undefined) collect(each, titled);
  }
  return [...titled].flatMap(([title, each]) => section(title, each));
}

/** An object with a title gets a separate section, and so do the titled objects within it. */
function collect(schema: Schema, titled: Map<string, Schema>): void {
  if (schema.properties !== undefined && schema.title !== undefined) {
    if (titled.has(schema.title)) return;
    titled.set(schema.title, schema);
  }
  for (const inner of innerOf(schema)) collect(inner, titled);
}

function innerOf({ properties, items, anyOf, oneOf }: Schema): Schema[] {
  return [...Object.values(properties ?? {}), ...(items ? [items] : []), ...(anyOf ?? []), ...(oneOf ?? [])];
}

function section(title: string, schema: Schema): string[] {
  const about = meaningOf(schema) === '' ? [] : [meaningOf(schema)];
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => [
    code(name),
    typeOf(field),
    schema.required?.includes(name) ? 'must be given' : defaultOf(field),
    meaningOf(field),
  ]);
  return [`### ${title}`, ...about, table(['field', 'type', 'if not given', 'meaning'], rows)];
}

const DEFAULT = /\s*If not given, (.*?)\.?$/s;

function defaultOf({ description = '' }: Schema): string {
  return DEFAULT.exec(description)?.[1] ?? '';
}

function meaningOf({ description = '' }: Schema): string {
  return description.replace(DEFAULT, '').trim();
}

function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return linkTo(schema.$ref.replace('#/$defs/', ''));
  if (schema.properties !== undefined && schema.title !== undefined) return linkTo(schema.title);
  if (schema.enum !== undefined) return schema.enum.map((word) => code(JSON.stringify(word))).join(' or ');
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  const either = schema.anyOf ?? schema.oneOf;
  if (either !== undefined) return either.map(typeOf).join(' or ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`;
  if (typeof schema.additionalProperties === 'object') return `map of ${typeOf(schema.additionalProperties)}`;
  return `${schema.type ?? 'anything'}${boundsOf(schema)}`;
}

function linkTo(title: string): string {
  if (title === 'Node') return ['Agent', 'Supervisor', 'Pool'].map(linkTo).join(' or ');
  return `[${title}](#${title
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-')})`;
}

function boundsOf({ minimum, maximum, exclusiveMinimum }: Schema): string {
  if (exclusiveMinimum !== undefined) return ` > ${exclusiveMinimum}`;
  if (minimum === undefined) return '';
  return maximum === undefined ? ` >= ${minimum}` : ` from ${minimum} to ${maximum}`;
}
