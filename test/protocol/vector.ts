/** One payload frame as the serialiser of the original system writes it, and what it says. */
export const UUID = '00112233-4455-6677-8899-aabbccddeeff';
export const AT = [1_700_000_000, 123_456_789];

export interface Vector {
  readonly title: string;
  readonly hex: string;
  readonly means: { readonly type: string } & Readonly<Record<string, unknown>>;
}
