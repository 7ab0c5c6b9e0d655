import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StatusBroadcast } from '../../src/control/streams/broadcast.js';
import { ReportFanOut } from '../../src/control/streams/report-fan-out.js';
import { createPublisher, type Publisher } from '../../src/transport/publisher.js';
import type { FakeTree } from './fake-tree.js';
import { subscribe } from './follower.js';

/** Publishers and subscribers in a directory of their own. `close` closes what was opened, the last first, and removes the directory. */
export class PublishingStage {
  /** What went wrong where no caller could be told. */
  readonly failures: unknown[] = [];
  readonly #open: { close(): unknown }[] = [];

  private constructor(readonly directory: string) {}

  static async open(): Promise<PublishingStage> {
    return new PublishingStage(await mkdtemp(join(tmpdir(), 'supertree-test-')));
  }

  /** To be closed with the stage. */
  hold<T extends { close(): unknown }>(each: T): T {
    this.#open.push(each);
    return each;
  }

  publishing(tree: FakeTree): Publisher {
    const publisher = this.hold(createPublisher((thrown) => this.failures.push(thrown)));
    const reports = this.hold(new ReportFanOut(tree, (thrown) => this.failures.push(thrown)));
    reports.add(this.hold(new StatusBroadcast(publisher)));
    return publisher;
  }

  subscribed(endpoint: string, topic: string): ReturnType<typeof subscribe> {
    return this.hold(subscribe(endpoint, topic));
  }

  async close(): Promise<void> {
    for (const each of this.#open.splice(0).reverse()) await each.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}
