/**
 * A frame after a request and an empty delimiter: the sender accepts several answers in one message, each in a frame of its own after the delimiter. A
 * server that does not know it ignores it.
 */
export const JOIN_ANSWERS = 'join';
