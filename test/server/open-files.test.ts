import { describe, expect, it } from 'vitest';
import { connectionShare, openFilesWarning } from '../../src/server/open-files.js';

const limits = (soft: string) =>
  `Limit                     Soft Limit  Hard Limit  Units\nMax open files            ${soft}  ${soft}  files\n`;

describe('a limit of open files', () => {
  it('that is low is a warning with the figure and the remedy', () => {
    expect(openFilesWarning(limits('1024'))).toMatch(/^at most 1024 files .* LimitNOFILE/);
  });

  it('leaves half of it to agents and answers, whatever connects', () => {
    expect([limits('1024'), limits('unlimited'), ''].map(connectionShare)).toEqual([
      512,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
  });

  it('that is high, or none, or not known, is not worth a word', () => {
    for (const text of [limits('65536'), limits('unlimited'), '']) expect(openFilesWarning(text)).toBeNull();
  });
});
