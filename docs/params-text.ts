import type * as v from 'valibot';

/** A schema of parameters as a type of TypeScript would be written. Throws for a schema of a kind that no operation uses. */
export function typeText(schema: v.GenericSchema<unknown, unknown>): string {
  const given = schema as unknown as Schema;
  switch (given.type) {
    case 'strict_object': {
      const members = Object.entries(given.entries ?? {}).map(
        ([name, member]) => `${name}${member.type === 'exact_optional' ? '?' : ''}: ${typeText(member as never)}`,
      );
      return members.length === 0 ? '{}' : `{ ${members.join('; ')} }`;
    }
    case 'exact_optional':
      return typeText(given.wrapped as never);
    case 'picklist':
      return (given.options as readonly string[]).map((option) => `'${option}'`).join(' | ');
    case 'union':
      return (given.options as readonly Schema[]).map((option) => typeText(option as never)).join(' | ');
    case 'instance':
      return given.class?.name ?? '';
    case 'custom':
      // The only check of our own among the parameters.
      return 'AgentData';
    case 'string':
    case 'number':
    case 'boolean':
    case 'unknown':
      return given.type;
    default:
      throw new Error(`there is no text for ${given.type}`);
  }
}

/** The properties of valibot schemas that are read here. */
interface Schema {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly wrapped?: Schema;
  readonly options?: readonly unknown[];
  readonly class?: { readonly name: string };
}
