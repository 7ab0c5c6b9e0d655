import { createInProcessDriver } from '../../../src/drivers/in-process/in-process.js';
import type { AgentTemplate } from '../../../src/model/input.js';
import type { TaskBody } from '../../../src/model/spec.js';
import { createVirtualClock } from '../../../src/testing/index.js';
import { begin, orderFor } from '../../contract/recorder.js';

/** One body on a clock that moves on command, launched. */
export async function launch(input: AgentTemplate) {
  const clock = createVirtualClock();
  const problems: string[] = [];
  const driver = createInProcessDriver({ clock, report: (path, problem) => problems.push(`${path} ${problem}`) });
  const { body, recorder } = begin(driver, orderFor(input));
  await clock.settle();
  return { clock, driver, problems, body, recorder: recorder };
}

/** The same with a task. */
export function launchTask(task: TaskBody) {
  return launch({ task });
}
