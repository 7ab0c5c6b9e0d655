// The three strategies: the middle one of three children crashes, and the order of starts and stops shows whom it takes along.
import { createTree, type Report, type Strategy } from 'supertree';

for (const strategy of ['one_for_one', 'rest_for_one', 'one_for_all'] as const) {
  console.log(`${strategy}: ${await crashTheMiddleOne(strategy)}`);
}

async function crashTheMiddleOne(strategy: Strategy): Promise<string> {
  const child = (id: string) => ({ id, command: ['sleep', '60'] });
  await using tree = createTree({ strategy, backoff: { initial: 10 }, children: ['a', 'b', 'c'].map(child) });
  await tree.start();
  const events: string[] = [];
  const settled = new Promise<void>((resolve) => {
    tree.subscribe((report) => {
      const word = wordFor(report);
      if (word !== undefined) events.push(word);
      if (report.type === 'ready' && tree.agents().every((agent) => agent.state === 'running')) resolve();
    });
  });
  await tree.agent('b').signal('SIGKILL');
  await settled;
  return events.join(', ');
}

function wordFor(report: Report): string | undefined {
  const id = report.path.slice('root/'.length);
  if (report.type === 'exited') return `${id} ${report.exit.commanded ? 'stopped' : 'crashed'}`;
  return report.type === 'ready' ? `${id} started` : undefined;
}
