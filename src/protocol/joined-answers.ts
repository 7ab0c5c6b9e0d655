/**
 * A further frame behind a request, behind an empty delimiter: its sender reads several answers from one message, one in each frame behind
 * the delimiter. A server that does not know it ignores it.
 */
export const JOIN_ANSWERS = 'join';
