import type { HookName } from './process.js';

/** The path under which a driver runs a hook of the agent at `path`. No agent has such a path: an id contains no `#`. */
export function hookPath(path: string, name: HookName): string {
  return `${path}#${name}`;
}

/** True for a path of `hookPath`. */
export function isHookPath(path: string): boolean {
  return path.includes('#');
}
