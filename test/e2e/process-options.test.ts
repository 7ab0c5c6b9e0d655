import { describe, expect, it } from 'vitest';
import { sh, sleeper, started, world } from './world.js';

describe('an agent whose standard input is closed', () => {
  it('goes on where a program reads its input to the end, and refuses input and a cooperative pause', async () => {
    const closed = sleeper('a', { command: sh('cat; echo read; exec sleep 300'), stdin: 'closed' });
    const w = await started({ children: [closed] });
    const agent = w.tree.agent('a');
    await w.printed('a', 'read');
    await expect(agent.write('text')).rejects.toMatchObject({ code: 'STDIN_ABSENT' });
    await expect(agent.pause('cooperative')).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await agent.pause();
    await agent.resume();
    await agent.restart();
    await w.printed('a', 'read');
    await agent.stop();
    expect(w.view('a').exit).toMatchObject({ signal: 'SIGTERM', commanded: true });
  });

  it('is a template of a pool', async () => {
    const command = sh('cat; exit 0');
    const agent = { command, stdin: 'closed', restart: 'temporary' } as const;
    const w = world({ children: [{ id: 'p', pool: { size: 3, agent } }] });
    await w.tree.start();
    for (const id of [1, 2, 3]) await w.reported('exited', `root/p/${id}`);
    expect(w.all('exited').map(({ exit }) => exit.code)).toEqual([0, 0, 0]);
  });
});
