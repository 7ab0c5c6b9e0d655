import type { AgentHandle, OutputLine } from '../contract/view.js';
import { invalid } from '../protocol/kinds.js';
import type { Draft, Message } from '../protocol/protocol.js';
import { MAX_MESSAGE_SIZE } from '../protocol/protocol.js';
import { compileFilter } from './filter.js';
import type { Request } from './request.js';

/** The most bytes of text in one answer; `has_more` and `offset` lead to the rest. */
const MAX_PAGE = MAX_MESSAGE_SIZE / 2;

/**
 * Answers with the lines in the rings, oldest first, without their line ends. `filter` is a regular expression that must match, `total_lines` is the number
 * of matching lines, `offset` and `limit` select among them. It is a query: it changes nothing. Throws MESSAGE_INVALID for an invalid filter, FILTER_SLOW
 * for one that takes too long, FILTER_QUEUED and FILTER_LIMIT for too many.
 */
export async function answerOutputQuery(
  request: Request,
  { request_id, agent_id, stream, filter, limit, offset }: Message<'output_query_request'>,
  agent: AgentHandle,
): Promise<Draft<'output_query_response'>> {
  const all = () => agent.output({ stream }).lines.map(textOf);
  const matching = filter === null ? all() : await filtered(request, filter, all);
  const from = offset ?? 0;
  const lines = fitting(matching.slice(from, limit === null ? undefined : from + limit));
  return {
    type: 'output_query_response',
    request_id,
    agent_id,
    success: true,
    lines,
    total_lines: matching.length,
    has_more: from + lines.length < matching.length,
  };
}

/** The lines are copied when the search starts, not while it waits. */
function filtered({ control, tree, context }: Request, filter: string, all: () => string[]): Promise<string[]> {
  const compiled = compileFilter(filter);
  if ('problem' in compiled) throw invalid('output_query_request.filter', compiled.problem, filter);
  // All connections of a key share one turn.
  const { publicKey } = tree.peer;
  const owner = publicKey === undefined ? `connection ${context.connection}` : `key ${publicKey}`;
  return control.filters.search(owner, compiled, all);
}

function textOf({ bytes }: OutputLine): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  return text.replace(/\r?\n$/, '');
}

/** As many lines as fit into one answer; at least the first one. */
function fitting(lines: readonly string[]): string[] {
  let bytes = 0;
  const end = lines.findIndex((line) => {
    bytes += Buffer.byteLength(line) + 5;
    return bytes > MAX_PAGE;
  });
  return end < 0 ? [...lines] : lines.slice(0, Math.max(1, end));
}
