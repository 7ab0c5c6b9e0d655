import { expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';

/* A boot that fails deep below: the error, the reports and the view name every id on the way down, the exit and the last lines (F7). */

it('names the way down to the agent that failed, its exit and its last lines', async () => {
  const command = ['sh', '-c', 'echo no database >&2; exit 3'];
  const server = { id: 'server', command, readiness: { type: 'log' as const, pattern: '^ready$' } };
  const tree = createTree({ children: [{ id: 'app', children: [{ id: 'sup', children: [server] }] }] });
  const reports: string[] = [];
  tree.subscribe((report) => {
    if (report.type === 'supervisor' && report.status === 'failed') reports.push(`${report.path}: ${report.reason}`);
  });
  const error = await tree.start().catch((thrown: unknown) => thrown);
  const reason = 'exit code 3 before it was ready; its last lines: "no database"';
  expect(error).toMatchObject({
    code: 'BOOT_FAILED',
    message: expect.stringContaining(`root did not start, because root/app/sup/server failed: ${reason}`),
    details: { child: 'root/app/sup/server', tail: ['no database'] },
  });
  const failed = `root/app/sup/server failed: ${reason}`;
  expect(reports).toEqual([`root/app/sup: ${failed}`, `root/app: ${failed}`, `root: ${failed}`]);
  expect(tree.view().failure).toMatchObject({ path: 'root/app/sup/server', exit: { code: 3, tail: ['no database'] } });
});
