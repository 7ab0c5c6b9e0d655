import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory and its missing parents, all private. An existing one is not changed. Rejects with the system's error. (Node's `recursive` never
 * returns below an existing directory that answers ENOENT, such as /proc.)
 */
export async function makeDirectory(directory: string): Promise<void> {
  const made = await attempt(directory);
  const above = dirname(directory);
  if (made?.code !== 'ENOENT' || above === directory) return settle(made);
  await makeDirectory(above);
  settle(await attempt(directory));
}

function attempt(directory: string): Promise<NodeJS.ErrnoException | null> {
  return mkdir(directory, { mode: 0o700 }).then(
    () => null,
    (thrown: NodeJS.ErrnoException) => thrown,
  );
}

function settle(failure: NodeJS.ErrnoException | null): void {
  if (failure !== null && failure.code !== 'EEXIST') throw failure;
}
