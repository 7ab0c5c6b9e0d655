import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory, and those above it that are missing, all private. One that is there stays as it is. Rejects with what the system said.
 * (The `recursive` of Node never ends below a directory that is there and answers ENOENT, such as /proc.)
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
