import { describe, expect, it } from 'vitest';
import { userDirectory } from '../../src/model/user-directory.js';

const places = { runtime: '/run/user/1000/', temporary: '/tmp/', user: 1000 };
const missing = () => {
  throw new Error('ENOENT');
};

describe('userDirectory', () => {
  it('is below the runtime directory of the user', () => {
    expect(userDirectory(places, () => 1000)).toBe('/run/user/1000/supertree');
  });

  it.each<[string, Partial<typeof places>, (path: string) => number]>([
    ['belongs to another user', {}, () => 1001],
    ['is not there', {}, missing],
    ['is not absolute', { runtime: 'run' }, () => 1000],
    ['is not named', { runtime: '' }, () => 1000],
  ])('is below the temporary directory when the runtime directory %s', (_why, change, ownerOf) => {
    expect(userDirectory({ ...places, ...change }, ownerOf)).toBe('/tmp/supertree-1000');
  });

  it('has a name on a system without users, too', () => {
    expect(userDirectory({ ...places, runtime: undefined, user: undefined }, missing)).toBe('/tmp/supertree-user');
  });
});
