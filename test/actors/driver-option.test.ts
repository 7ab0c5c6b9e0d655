import { expect, it } from 'vitest';
import { createTree } from '../../src/index.js';

it('a tree refuses a driver that it does not know, with the names of those that there are', () => {
  const options = { driver: 'none' as 'local' };
  const error = expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining('keeper, local') });
  expect(() => createTree({ children: [] }, options)).toThrow(error);
});
