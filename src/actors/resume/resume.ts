import type { Report } from '../../model/report.js';
import { deliver } from '../agent/deliver.js';
import type { World } from '../world.js';
import type { Past } from './past.js';

/** Carries on with what was under way when the earlier program ended: the stop of an adopted agent, and its pause. */
export function resumeIntents(world: World, past: Past): void {
  world.reports.subscribe((report) => {
    if (report.type === 'adopted' && past.isUnwanted(report.path)) stopAgain(world, report);
    if (report.type === 'ready') pauseAgain(world, past, report);
  });
}

function stopAgain(world: World, { path }: Report): void {
  world.registry
    .agentAt(path)
    ?.requestStop()
    .catch((thrown) => world.reportError(path, thrown));
}

function pauseAgain(world: World, past: Past, { path, incarnation }: Extract<Report, { type: 'ready' }>): void {
  const entry = past.incarnation(path, incarnation);
  const agent = world.registry.agentAt(path);
  if (agent === undefined || agent.body?.isAdopted !== true || entry?.pauseMode == null) return;
  const { pauseMode: mode, pausedAt } = entry;
  deliver(world, agent, { type: 'PAUSE', mode, at: pausedAt ?? world.clock.wall(), now: world.clock.now() });
}
