import { SupertreeError } from '../errors.js';
import type { ServerSettings } from './settings.js';

/** The detail that repeats a setting, for each code that has one. */
const REPEATED: Readonly<Partial<Record<string, string>>> = {
  ENDPOINT_EXPOSED: 'endpoint',
  ENDPOINT_INVALID: 'endpoint',
  ENDPOINT_UNUSABLE: 'endpoint',
  ENDPOINT_IN_USE: 'endpoint',
  PORT_RANGE: 'range',
};

/**
 * Adds to an error about a setting its place in the tree file; other errors are returned unchanged. `settings` are the settings of the file that the
 * command line does not replace.
 */
export function located(thrown: unknown, file: string | undefined, settings: ServerSettings): unknown {
  if (!(thrown instanceof SupertreeError) || file === undefined) return thrown;
  const { code, details, cause } = thrown;
  const detail = REPEATED[code];
  const field = detail === undefined ? null : fieldOf(code, details[detail], settings);
  if (detail === undefined || field === null) return thrown;
  const shown = `${details[detail]} (${field} in ${file})`;
  return new SupertreeError(code, { ...details, file, field, [detail]: shown }, cause);
}

function fieldOf(code: string, value: unknown, { ports, endpoints, pubEndpoints }: ServerSettings): string | null {
  if (code === 'PORT_RANGE') return ports === undefined ? null : 'server.ports';
  for (const [name, list] of Object.entries({ endpoints, pubEndpoints })) {
    const index = list?.indexOf(String(value)) ?? -1;
    if (index >= 0) return `server.${name}.${index}`;
  }
  return null;
}
