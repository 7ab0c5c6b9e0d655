import type { AgentView, Tree, TreeView } from '../../src/contract/view.js';
import type { FakeDriver, FakeLife, FakePorts } from '../../src/testing/index.js';

/** The differences between the views of a tree and its incarnations and leases, when nothing is pending any more. */
export function inconsistencies(tree: Tree, driver: FakeDriver, ports: FakePorts): string[] {
  const incarnations = new Map(driver.lives().map((incarnation) => [agentOf(incarnation.path), incarnation]));
  const agents = new Map(tree.agents().map((view) => [view.path, view]));
  const unlisted = [...incarnations.keys()].filter((path) => !agents.has(path));
  return [
    ...[...agents.values()].flatMap((view) => stateProblems(view, incarnations.get(view.path))),
    ...unlisted.map((path) => `${path} runs and is in no view`),
    ...supervisorProblems(tree, tree.view()),
    ...leaseProblems(agents, ports),
  ];
}

/** The path of the agent of a body, which may be a hook: that keeps it from being at rest as its process does. */
export function agentOf(path: string): string {
  return path.replace(/#\w+$/, '');
}

function stateProblems(view: AgentView, incarnation: FakeLife | undefined): string[] {
  const found = incarnation === undefined ? 'is gone' : `is ${incarnation.frozen ? 'frozen' : incarnation.phase}`;
  const right = {
    running: found === 'is running',
    paused: found === (view.pauseMode === 'forced' ? 'is frozen' : 'is running'),
    zombie: incarnation !== undefined,
    failed: incarnation === undefined,
    completed: incarnation === undefined,
    stopped: incarnation === undefined,
    spawning: false,
    stopping: false,
  }[view.state];
  const problems = right ? [] : [`${view.path} has the state ${view.detail}, and its incarnation ${found}`];
  if (view.retryIn !== null) problems.push(`${view.path} waits for a restart that does not come`);
  return problems;
}

const PHASES: Readonly<Record<string, readonly string[]>> = {
  up: ['running', 'paused'],
  down: ['stopped', 'failed', 'completed', 'idle'],
  stuck: ['zombie', 'failed', 'stopped'],
};

/** Supervisors that stay in a transitional status, and children whose state differs from their phase in the supervisor. */
function supervisorProblems(tree: Tree, view: TreeView): string[] {
  if (view.kind === 'agent') return [];
  const problems = view.status === 'booting' || view.status === 'stopping' ? [`${view.path} stays ${view.status}`] : [];
  const rows = new Map(
    tree
      .supervisor(view.path)
      .which()
      .map((row) => [row.id, row.phase]),
  );
  for (const child of view.children) {
    const phase = rows.get(child.id) ?? 'unknown';
    const state = child.kind === 'agent' ? child.state : child.status;
    if (!PHASES[phase]?.includes(state))
      problems.push(`${child.path} is ${state}, its supervisor has the phase ${phase}`);
    problems.push(...supervisorProblems(tree, child));
  }
  return problems;
}

function leaseProblems(agents: ReadonlyMap<string, AgentView>, ports: FakePorts): string[] {
  const held = ports.leases().map(({ path, name, port, incarnation }) => `${path}#${incarnation} ${name} ${port}`);
  const reported = [...agents.values()].flatMap((view) =>
    Object.entries(view.ports).map(([name, port]) => `${view.path}#${view.incarnation} ${name} ${port}`),
  );
  return held.sort().join() === reported.sort().join()
    ? []
    : [`leased are ${held.join()}, the views have ${reported.join()}`];
}
