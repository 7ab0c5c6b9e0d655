import { CATALOGUE } from './error-catalogue.js';

/* The one error type of supertree. */

/** Every code that a `SupertreeError` can carry. */
export type ErrorCode = keyof typeof CATALOGUE;

/** The details that fill a sentence; they are kept on the error, so a program need not parse the text. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The error that supertree throws and rejects with. `message` is a whole sentence, `remedy` says what to do, `code` is for programs.
 */
export class SupertreeError extends Error {
  override readonly name = 'SupertreeError';
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown) {
    const [sentence, remedy] = CATALOGUE[code];
    super(fill(sentence, details), cause === undefined ? undefined : { cause });
    this.code = code;
    this.remedy = fill(remedy, details);
    this.details = details;
  }

  /** The same error as one line: code, sentence, remedy. */
  toLine(): string {
    return `${this.code}: ${this.message} ${this.remedy}`;
  }
}

/** The catalogue as rows, for the reference page. */
export function errorCatalogue(): { code: ErrorCode; sentence: string; remedy: string }[] {
  return (Object.keys(CATALOGUE) as ErrorCode[]).map((code) => {
    const [sentence, remedy] = CATALOGUE[code];
    return { code, sentence, remedy };
  });
}

/** Any thrown value as a `SupertreeError`: itself when it is one, else `INTERNAL` with the value as its cause. */
export function asSupertreeError(thrown: unknown): SupertreeError {
  if (thrown instanceof SupertreeError) return thrown;
  return new SupertreeError('INTERNAL', { problem: messageOf(thrown) }, thrown);
}

/** The text of any thrown value. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  try {
    return String(thrown);
  } catch {
    return 'a value that has no text';
  }
}

/** The text with each `{name}` replaced by the detail of that name. A name without a detail stays in place. */
export function fill(text: string, details: ErrorDetails): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in details ? shortened(String(details[name]), name) : whole,
  );
}

/** A detail as text for an error message: whole, or cut to a readable length with its size added. */
export function shortened(text: string, name: string): string {
  const most = name === 'problem' || name === 'problems' ? MOST_OF_PROBLEMS : MOST_OF_A_VALUE;
  return text.length > most ? `${cut(text, most)}...` : text;
}

/** At most the first `most` code units of a text; one less where the cut would split a surrogate pair. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? most - 1 : most);
}

/** In characters: enough for any path, and for a list of twenty problems. */
const MOST_OF_A_VALUE = 1_000;
const MOST_OF_PROBLEMS = 5_000;
