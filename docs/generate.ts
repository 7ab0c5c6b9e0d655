import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apiPage } from './api-page.js';
import { driversPage } from './drivers-page.js';
import { SCHEMA_FILE, schemaText } from './generate-schema.js';
import { machineJson } from './machine-json.js';
import { CHARTS, machinesPage } from './machines-page.js';
import { referencePage } from './reference-page.js';

/** Every file that is generated, with what makes its text. The text depends on the sources alone. */
export const GENERATED: readonly { readonly file: string; readonly text: () => string }[] = [
  { file: SCHEMA_FILE, text: schemaText },
  { file: fileURLToPath(new URL('api.md', import.meta.url)), text: apiPage },
  { file: fileURLToPath(new URL('drivers.md', import.meta.url)), text: driversPage },
  { file: fileURLToPath(new URL('machines.md', import.meta.url)), text: machinesPage },
  ...CHARTS.map(([, , machine]) => ({
    file: fileURLToPath(new URL(`machines/${machine.id}.json`, import.meta.url)),
    text: () => machineJson(machine),
  })),
  { file: fileURLToPath(new URL('reference.md', import.meta.url)), text: referencePage },
];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { file, text } of GENERATED) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text());
  }
}
