import { SupertreeError } from '../errors.js';
import type { ServerSettings } from './settings.js';

/** The detail of an error that repeats a setting, for the codes that have one. */
const REPEATED: Readonly<Partial<Record<string, string>>> = {
  ENDPOINT_EXPOSED: 'endpoint',
  ENDPOINT_INVALID: 'endpoint',
  ENDPOINT_UNUSABLE: 'endpoint',
  ENDPOINT_IN_USE: 'endpoint',
  PORT_RANGE: 'range',
};

/**
 * The same error, saying where in a file the setting stands that it is about; as it is when it is about none. `settings` are those of the
 * file that the command line does not replace.
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
