import { readFileSync } from 'node:fs';
import { messageOf } from './policy-error.ts';
import type { Inventory, ProcessRef } from './verdict.ts';

/** Reads an inventory from a JSON file; a list that is missing counts as empty. Throws an Error with one sentence. */
export function readInventory(path: string): Inventory {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`the inventory ${path} cannot be read: ${messageOf(error)}`);
  }
  if (!isRecord(value)) throw new Error(`the inventory ${path} is no JSON object`);
  const source = value;
  const names = (key: string): string[] => {
    const list = source[key] ?? [];
    if (Array.isArray(list) && list.every((name) => typeof name === 'string')) return list;
    throw new Error(`${key} in ${path} is no list of names`);
  };
  const processes = source['processes'] ?? [];
  if (!Array.isArray(processes) || !processes.every(isProcess)) {
    throw new Error(`processes in ${path} is no list of {pid, start, comm}`);
  }
  return {
    units: names('units'),
    mounts: names('mounts'),
    containers: names('containers'),
    hosts: names('hosts'),
    folders: names('folders'),
    processes,
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isProcess(value: unknown): value is ProcessRef {
  if (!isRecord(value)) return false;
  const { pid, start, comm, exe } = value;
  return (
    Number.isInteger(pid) &&
    Number.isInteger(start) &&
    typeof comm === 'string' &&
    (exe === undefined || typeof exe === 'string')
  );
}
