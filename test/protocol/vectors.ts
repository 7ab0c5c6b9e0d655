/** Payload frames as the serialiser of the original system writes them, and what they say. */

import { FIRST_VECTORS } from './vectors-first.js';
import { LAST_VECTORS } from './vectors-last.js';

export type { Vector } from './vector.js';

export const VECTORS = [...FIRST_VECTORS, ...LAST_VECTORS];
