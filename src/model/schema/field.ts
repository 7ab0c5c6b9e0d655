import * as v from 'valibot';
import { DEFAULTS } from '../defaults.js';
import { idProblem, MAX_ID_LENGTH } from '../id.js';

/*
 * The building blocks of the schemas. Messages are rules: the end of a sentence that begins with the path. Descriptions are shown by editors.
 */

/** The rule of every value with fields. */
export const OBJECT = 'must be an object';
const COUNT = 'must be an integer >= 0';
const POSITIVE = 'must be an integer > 0';

const EXACT = `must be at most ${Number.MAX_SAFE_INTEGER}`;

/** Sums and products of numbers up to 2^53 are finite, so no delay, window or deadline that is computed from them can be NaN or Infinity. */
const isExact = (number: number): boolean => !Number.isInteger(number) || number <= Number.MAX_SAFE_INTEGER;

/** A number or a duration: an integer from 0. */
export const count = v.pipe(v.number(COUNT), v.integer(COUNT), v.minValue(0, COUNT), v.check(isExact, EXACT));
/** An integer from 1. */
export const positive = v.pipe(
  v.number(POSITIVE),
  v.integer(POSITIVE),
  v.minValue(1, POSITIVE),
  v.check(isExact, EXACT),
);
/** Yes or no. */
export const flag = v.boolean('must be true or false');
/** Whether the system accepts it as an argument, a variable or a path: C strings end at NUL. */
export const noNul = (text: string): boolean => !text.includes('\0');
/** A string for the system, such as an argument. */
export const text = v.pipe(v.string('must be a string'), v.check(noNul, 'must not contain a NUL byte'));
/** The same, not empty. */
export const filled = v.pipe(text, v.nonEmpty('must not be empty'));

/** An optional field; `undefined` counts as absent. */
export function field<S extends v.GenericSchema>(description: string, schema: S) {
  return v.optional(v.pipe(schema, v.description(description)));
}

/** An optional field that must not be `undefined`: its default is spread beneath it. */
export function exact<S extends v.GenericSchema>(description: string, schema: S) {
  return v.exactOptional(v.pipe(schema, v.description(description)));
}

/** A required field. */
export function needed<S extends v.GenericSchema>(description: string, schema: S) {
  return v.pipe(schema, v.description(description));
}

/** An object with these fields and no others; every unknown one is reported. */
export function fields<E extends v.ObjectEntries>(title: string, entries: E) {
  const unknown = v.never(`must not be given; known here: ${Object.keys(entries).join(', ')}`);
  const rule = (issue: v.BaseIssue<unknown>) => (issue.expected === 'Object' ? OBJECT : 'must be given');
  return v.pipe(v.objectWithRest(entries, unknown, rule), v.title(title));
}

/** One of these words. */
export function oneOf<const T extends readonly string[]>(words: T) {
  return v.picklist(words, `must be one of ${words.join(', ')}`);
}

/** The id of a node, see id.ts. */
export const id = v.pipe(
  v.string('must be a string'),
  v.rawCheck(({ dataset, addIssue }) => {
    const problem = dataset.typed ? idProblem(dataset.value) : null;
    if (problem !== null) addIssue({ message: problem });
  }),
  v.metadata({ pattern: '^[A-Za-z][\\w.-]*$', maxLength: MAX_ID_LENGTH }),
);

/** A number between two others, both included. */
export function bounded(min: number, max: number, rule: string) {
  return v.pipe(v.number(rule), v.minValue(min, rule), v.maxValue(max, rule));
}

/** The id as a field. */
export const ids = {
  id: needed('Unique among its siblings.', id),
  after: field(
    'Siblings that must be ready before its first start. If not given, none.',
    v.array(v.string('must be a string'), 'must be a list of ids'),
  ),
};

/** The fields of every child of a supervisor. */
export const membership = {
  restart: field(
    `Which of its ends lead to a restart. If not given, ${DEFAULTS.restart}.`,
    oneOf(['permanent', 'transient', 'temporary']),
  ),
  significant: field(`Whether its end counts for autoShutdown. If not given, ${DEFAULTS.significant}.`, flag),
};
