import * as v from 'valibot';
import { DEFAULTS } from './defaults.js';
import { anyBody, dataBody, traits } from './schema/agent.js';
import { bounded, count, exact, field, fields, flag, id, ids, membership, oneOf, positive } from './schema/field.js';

/*
 * The schema of each kind of node. `children` and the agent of a pool are open here, because validate.ts walks them. Rules between several fields are in
 * rule.ts. The recursive schema for editors is at the bottom.
 */

/** `any`: input of a program. `data`: input from a file or a message, without functions. */
export type Form = 'any' | 'data';

const { backoff, budget, otpBudget, pool } = DEFAULTS;
const FACTOR = 'must be a number >= 1';
const supervision = {
  ...membership,
  maxRestarts: field(
    `How many restarts the window allows. If not given, ${budget.maxRestarts} (under otpExact ${otpBudget.maxRestarts}).`,
    count,
  ),
  within: field(
    `The window of the budget, in ms. If not given, ${budget.within} (under otpExact ${otpBudget.within}), or longer where maxRestarts with this backoff take longer.`,
    positive,
  ),
  backoff: field(
    `The delay before a restart. If not given, ${backoff.initial} ms doubling to ${backoff.max / 1_000} s.`,
    fields('Backoff', {
      initial: exact(`The first delay, in ms. If not given, ${backoff.initial}.`, count),
      factor: exact(
        `The factor between successive delays. If not given, ${backoff.factor}.`,
        v.pipe(v.number(FACTOR), v.finite(FACTOR), v.minValue(1, FACTOR)),
      ),
      max: exact(`The longest delay, in ms. If not given, ${backoff.max}.`, count),
      jitter: exact(
        `The share of a delay that jitter may take off. If not given, ${backoff.jitter}.`,
        bounded(0, 1, 'must be a number from 0 to 1'),
      ),
      resetAfter: exact(
        `After so long ready the delays start from initial again, in ms. If not given, ${backoff.resetAfter}.`,
        count,
      ),
    }),
  ),
  onExhausted: field(
    `What happens when the budget is exceeded. If not given, ${DEFAULTS.onExhausted}.`,
    oneOf(['escalate', 'fail', 'cooldown']),
  ),
  cooldown: field(
    `With onExhausted cooldown: the delay before the one attempt, in ms. If not given, ${DEFAULTS.cooldown}.`,
    positive,
  ),
  otpExact: field(`No backoff, and OTP's window and exit reason. If not given, ${DEFAULTS.otpExact}.`, flag),
};

const manner = {
  strategy: field(
    `Which siblings are restarted with a failed child. If not given, ${DEFAULTS.strategy}.`,
    oneOf(['one_for_one', 'one_for_all', 'rest_for_one']),
  ),
  autoShutdown: field(
    `Whether it ends with its significant children. If not given, ${DEFAULTS.autoShutdown}.`,
    oneOf(['never', 'any_significant', 'all_significant']),
  ),
  start: field(
    `Whether its children start one after another, or, under one_for_one, those without \`after\` together. If not given, ${DEFAULTS.start}.`,
    oneOf(['sequence', 'parallel']),
  ),
  boot: field(
    `Whether a failed first start fails the supervisor, or is retried. If not given, ${DEFAULTS.boot}.`,
    oneOf(['strict', 'retry']),
  ),
};

const instances = {
  size: field(`The number of instances at the start. If not given, ${pool.size}.`, count),
  max: field(`The most instances. If not given, ${pool.max}.`, positive),
  concurrency: field(`The most instances that start at the same time. If not given, ${pool.concurrency}.`, positive),
};

const root = { id: field(`If not given, ${DEFAULTS.root}.`, id), ...supervision, ...manner };
const editor = { $schema: field('The address of this schema, for editors.', v.string('must be a string')) };

const CHILDREN = 'Started from first to last, stopped from last to first.';
const open = v.unknown();

/** The schemas of the parts of a tree. */
export const SCHEMAS: Readonly<Record<NodeKind, Readonly<Record<Form, v.GenericSchema>>>> = {
  root: {
    any: fields('Root', { ...root, children: open }),
    data: fields('Root', { ...editor, ...root, children: open }),
  },
  supervisor: bothForms(fields('Supervisor', { ...ids, ...supervision, ...manner, children: open })),
  pool: bothForms(fields('Pool', { ...ids, ...supervision, pool: open })),
  instances: bothForms(fields('Instances', { ...instances, agent: open })),
  agent: {
    any: fields('Agent', { ...ids, ...anyBody, ...traits }),
    data: fields('Agent', { ...ids, ...dataBody, ...traits }),
  },
  template: {
    any: fields('Template', { ...anyBody, ...traits }),
    data: fields('Template', { ...dataBody, ...traits }),
  },
};

/** The kinds of node, and of parts of a node. */
export type NodeKind = 'root' | 'supervisor' | 'pool' | 'instances' | 'agent' | 'template';

const agentData = v.pipe(fields('Agent', { ...ids, ...dataBody, ...traits }), v.description('One supervised process.'));
const template = v.pipe(
  fields('Template', { ...dataBody, ...traits }),
  v.description('The body and the options of each instance.'),
);
const poolData = v.pipe(
  fields('Pool', {
    ...ids,
    ...supervision,
    pool: v.pipe(fields('Instances', { ...instances, agent: template }), v.description('How many of what.')),
  }),
  v.description('Any number of agents that are all alike.'),
);
const node: v.GenericSchema = v.lazy(() => anyNode);
const children = v.pipe(v.array(node), v.description(CHILDREN));
const supervisorData = v.pipe(
  fields('Supervisor', { ...ids, ...supervision, ...manner, children }),
  v.description('Starts its children in order and restarts them by policy.'),
);

const anyNode = v.union([agentData, supervisorData, poolData]);

/** A whole tree as data, for editors: the root, and the definitions that it refers to. It contains no rule between several fields. */
export const treeSchema: v.GenericSchema = v.pipe(
  fields('supertree tree', { ...editor, ...root, children }),
  v.description('A supervision tree. Times are milliseconds, sizes bytes.'),
);

/** The definitions of `treeSchema` by name. */
export const definitions: Readonly<Record<string, v.GenericSchema>> = {
  Agent: agentData,
  Supervisor: supervisorData,
  Pool: poolData,
  Node: anyNode,
};

function bothForms(schema: v.GenericSchema): Record<Form, v.GenericSchema> {
  return { any: schema, data: schema };
}
