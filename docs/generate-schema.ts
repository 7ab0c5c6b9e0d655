import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type JsonSchema, toJsonSchema } from '@valibot/to-json-schema';
import { definitions, treeSchema } from '../src/model/schema.js';

/** Where the schema for editors is kept. */
export const SCHEMA_FILE = fileURLToPath(new URL('../schema/tree.schema.json', import.meta.url));

/** The text of schema/tree.schema.json as it should be. */
export function schemaText(): string {
  const schema = toJsonSchema(treeSchema, {
    definitions: { ...definitions },
    // Checks in code have no words in JSON Schema.
    ignoreActions: ['check', 'raw_check', 'finite'],
    overrideSchema: ({ valibotSchema, jsonSchema }) =>
      valibotSchema.type === 'object_with_rest' ? { ...jsonSchema, additionalProperties: false } : undefined,
  });
  return `${JSON.stringify({ ...schema, $id: SCHEMA_ID } satisfies JsonSchema, null, 2)}\n`;
}

const SCHEMA_ID = 'urn:supertree:tree';

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(SCHEMA_FILE, schemaText());
