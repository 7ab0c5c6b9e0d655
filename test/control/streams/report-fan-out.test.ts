import { describe, expect, it } from 'vitest';
import { type FollowedReport, type ReportConsumer, ReportFanOut } from '../../../src/control/streams/report-fan-out.js';
import { FakeTree } from '../../transport/fake-tree.js';

/** A consumer that notes its calls. */
class Notes implements ReportConsumer {
  readonly all: string[] = [];
  created = ({ path }: { path: string }) => void this.all.push(`created ${path}`);
  removed = ({ path }: { path: string }) => void this.all.push(`removed ${path}`);
  take = (reports: readonly FollowedReport[]) =>
    void this.all.push(reports.map(({ report, agent }) => `${report.type} of ${agent?.path}`).join(', '));
}

function setUp(...ids: string[]) {
  const tree = new FakeTree(...ids);
  const failures: unknown[] = [];
  return { tree, failures, reports: new ReportFanOut(tree, (thrown) => failures.push(thrown)) };
}

const input = (id: string) => ({ id, command: ['x'] });

describe('the reports of a tree', () => {
  it('are taken in one batch after a cascade, while agents are new and removed at once', async () => {
    const { tree, reports } = setUp('web');
    const notes = new Notes();
    reports.add(notes);
    const agent = tree.join(input('new'));
    agent.move('running');
    tree.leave('new');
    const gone = 'created of root/new, state of root/new, removed of root/new';
    expect(notes.all).toEqual(['created root/web', 'created root/new', 'removed root/new']);
    await Promise.resolve();
    expect(notes.all.slice(3)).toEqual([gone]);
    expect([...reports.agents.keys()]).toEqual(['root/web']);
  });

  it('go to every consumer, whatever another one throws', () => {
    const { tree, reports, failures } = setUp();
    const fail = () => {
      throw new Error('broken');
    };
    const notes = new Notes();
    reports.add({ created: fail, removed: fail, take: fail });
    reports.add(notes);
    tree.join(input('a'));
    tree.leave('a');
    reports.flush();
    expect(notes.all).toEqual(['created root/a', 'removed root/a', 'created of root/a, removed of root/a']);
    expect(failures).toHaveLength(3);
  });

  it('go to the followers of their path until these end it, with those that wait', () => {
    const { tree, reports } = setUp('web', 'worker');
    const notes = new Notes();
    const end = reports.follow('root/web', notes);
    tree.member('worker').move('paused');
    tree.member('web').move('paused');
    end();
    tree.member('web').move('running');
    reports.flush();
    expect(notes.all).toEqual(['state of root/web']);
  });
});
