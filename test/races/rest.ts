import type { AgentView, Tree, TreeView } from '../../src/contract/view.js';
import type { FakeDriver, FakeLife, FakePorts } from '../../src/testing/index.js';

/** What the tree says of itself against what there is, when nothing is under way any more. */
export function unrest(tree: Tree, driver: FakeDriver, ports: FakePorts): string[] {
  const lives = new Map(driver.lives().map((life) => [life.path, life]));
  const agents = new Map(tree.agents().map((view) => [view.path, view]));
  const strays = [...lives.keys()].filter((path) => !agents.has(path));
  return [
    ...[...agents.values()].flatMap((view) => disagreement(view, lives.get(view.path))),
    ...strays.map((path) => `${path} lives and is not told`),
    ...unsettled(tree, tree.view()),
    ...wrongLeases(agents, ports),
  ];
}

function disagreement(view: AgentView, life: FakeLife | undefined): string[] {
  const found = life === undefined ? 'is gone' : `is ${life.frozen ? 'frozen' : life.phase}`;
  const right = {
    running: found === 'is running',
    paused: found === (view.pauseMode === 'forced' ? 'is frozen' : 'is running'),
    zombie: life !== undefined,
    failed: life === undefined,
    completed: life === undefined,
    stopped: life === undefined,
    spawning: false,
    stopping: false,
  }[view.state];
  const problems = right ? [] : [`${view.path} is told ${view.detail}, and ${found}`];
  if (view.retryIn !== null) problems.push(`${view.path} waits for a try that does not come`);
  return problems;
}

const PHASES: Readonly<Record<string, readonly string[]>> = {
  up: ['running', 'paused'],
  down: ['stopped', 'failed', 'completed', 'idle'],
  stuck: ['zombie', 'failed', 'stopped'],
};

/** Supervisors that are on their way to something for ever, and children of which their supervisor thinks otherwise than they themselves. */
function unsettled(tree: Tree, view: TreeView): string[] {
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
    if (!PHASES[phase]?.includes(state)) problems.push(`${child.path} is ${state}, its supervisor thinks ${phase}`);
    problems.push(...unsettled(tree, child));
  }
  return problems;
}

function wrongLeases(agents: ReadonlyMap<string, AgentView>, ports: FakePorts): string[] {
  const held = ports.leases().map(({ path, name, port, incarnation }) => `${path}#${incarnation} ${name} ${port}`);
  const told = [...agents.values()].flatMap((view) =>
    Object.entries(view.ports).map(([name, port]) => `${view.path}#${view.incarnation} ${name} ${port}`),
  );
  return held.sort().join() === told.sort().join() ? [] : [`leased are ${held.join()}, told are ${told.join()}`];
}
