import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SCHEMA_FILE, schemaText } from '../../docs/generate-schema.js';

interface Described {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly additionalProperties?: unknown;
}

describe('the JSON Schema for editors', () => {
  const schema = JSON.parse(schemaText()) as Described & { $defs: Record<string, Described> };

  it('is current in the repository', () => {
    expect(readFileSync(SCHEMA_FILE, 'utf8')).toBe(schemaText());
  });

  it('describes every field and refuses unknown ones', () => {
    for (const place of [schema, schema.$defs.Agent, schema.$defs.Supervisor, schema.$defs.Pool]) {
      expect(place?.additionalProperties).toBe(false);
      const silent = Object.entries(place?.properties ?? {}).filter(([, field]) => !field.description);
      expect(silent.map(([name]) => name)).toEqual([]);
    }
  });

  it('has no functions', () => {
    expect(Object.keys(schema.$defs.Agent?.properties ?? {})).not.toContain('task');
    expect(Object.keys(schema.$defs.Agent?.properties ?? {})).toContain('command');
  });
});
