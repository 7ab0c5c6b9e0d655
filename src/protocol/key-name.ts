/** The names of peers without a known key in the audit log: no key may have them. */
const RESERVED: ReadonlySet<string> = new Set(['local', 'anyone', 'unknown', 'unproven']);

/** Why a text is not a valid name of a key, as the end of a sentence; `null` when it is valid. */
export function keyNameProblem(name: string): string | null {
  if (!/^[\w.@-]{1,64}$/.test(name)) return 'must be 1 to 64 letters, digits, _ . @ or -';
  if (!RESERVED.has(name.toLowerCase())) return null;
  return `must not be one of ${[...RESERVED].join(', ')}: the audit log calls peers without a key so`;
}
