import type { Sink, StartOrder } from '../../src/drivers/driver.js';
import type { BodyFact } from '../../src/model/agent.js';
import type { AgentInput } from '../../src/model/input.js';
import { normaliseAgent } from '../../src/model/normalise.js';

/** A sink that remembers everything, and the facts without their times. */
export interface Recorder extends Sink {
  readonly facts: BodyFact[];
  readonly words: string[];
  readonly text: Record<'stdout' | 'stderr', string>;
  types(): string[];
  find<T extends BodyFact['type']>(type: T): Extract<BodyFact, { type: T }> | undefined;
}

export function createRecorder(): Recorder {
  const facts: BodyFact[] = [];
  const words: string[] = [];
  const text = { stdout: '', stderr: '' };
  return {
    facts,
    words,
    text,
    fact: (fact) => facts.push(fact),
    output: (stream, bytes) => {
      text[stream] += Buffer.from(bytes).toString();
    },
    notified: (word) => words.push(word),
    types: () => facts.map(({ type }) => type),
    find: (type) => facts.find((fact): fact is never => fact.type === type),
  };
}

/** An order for `root/<id>`, as a tree would give it. */
export function orderFor(input: AgentInput, incarnation = 1, ports: Record<string, number> = {}): StartOrder {
  const spec = normaliseAgent(input);
  const command = spec.body.type === 'command' ? spec.body.command : [];
  const path = `root/${input.id}`;
  return { spec, path, incarnation, token: `${path}#${incarnation}`, command, cwd: null, env: () => ({}), ports };
}
