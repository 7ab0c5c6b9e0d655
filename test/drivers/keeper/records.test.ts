import { describe, expect, it } from 'vitest';
import { Records } from '../../../src/drivers/keeper/program/records.js';

const bytes = (length: number) => () => Buffer.alloc(length);

describe('the records of an agent', () => {
  it('are numbered from 1 and go on after an acknowledgement', () => {
    const records = new Records(1000);
    const numbers: number[] = [];
    const add = () =>
      records.add((record) => {
        numbers.push(record);
        return Buffer.alloc(1);
      });
    add();
    add();
    records.acknowledge(2);
    add();
    expect(numbers).toEqual([1, 2, 3]);
  });

  it('are kept until they are acknowledged, each once', () => {
    const records = new Records(1000);
    for (let record = 1; record <= 3; record += 1) records.add(bytes(1));
    for (const record of [2, 1, 2]) records.acknowledge(record);
    expect(records.isEmpty).toBe(false);
    records.acknowledge(9);
    expect(records.isEmpty).toBe(true);
  });

  it('are full at their limit, which counts what a short record costs, until some are acknowledged', () => {
    const long = new Records(1000);
    long.add(bytes(1000));
    expect(long.isFull).toBe(true);
    long.acknowledge(1);
    expect(long.isFull).toBe(false);
    const short = new Records(1000);
    for (let record = 1; record <= 8; record += 1) short.add(bytes(1));
    expect(short.isFull).toBe(true);
  });
});
