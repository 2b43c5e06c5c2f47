import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../../broker/durable-file.ts';
import { readSite } from '../../broker/enroll.ts';
import { int, pattern, record } from '../../broker/shape.ts';
import { StateError, type StateFolder } from '../../broker/state-folder.ts';
import { ID } from '../../broker/topics.ts';
import { readJoined } from '../identity.ts';

const file = record({
  version: int(1, 1),
  agent: pattern(ID, 'an id'),
  root: pattern(/^[0-9a-f]{64}$/, '64 hex digits'),
});

/** Whom an executor believes: the site root's public key, and the agent whose orders it carries out. */
export interface Pin {
  readonly agent: string;
  readonly root: Uint8Array;
}

const pinFile = (state: StateFolder): string => join(state.root, 'exec', 'pin.json');

/**
 * Takes over, once and for ever, which site the agent with this state has joined. What an agent's files say later
 * changes nothing. Throws E_STATE_BROKEN where another site is pinned already, E_NO_SITE where none was joined.
 */
export function pinFrom(state: StateFolder, agentState: StateFolder, id: string): Pin {
  const joined = readJoined(agentState);
  const root = joined?.root ?? hexOf(readSite(agentState).root);
  const agent = joined?.agent ?? id;
  const path = pinFile(state);
  if (existsSync(path)) {
    const known = readPin(state, id);
    if (hexOf(known.root) !== root || known.agent !== agent)
      throw new StateError('E_STATE_BROKEN', `${path} pins another site or agent. Remove it to pin this one.`);
    return known;
  }
  mkdirSync(join(state.root, 'exec'), { recursive: true, mode: 0o750 });
  writeDurably(path, `${JSON.stringify({ version: 1, agent, root })}\n`);
  return readPin(state, id);
}

/** What was pinned, or the site that the state folder itself holds. Throws E_NO_SITE or E_STATE_BROKEN. */
export function readPin(state: StateFolder, id: string): Pin {
  const path = pinFile(state);
  if (!existsSync(path)) return { agent: id, root: readSite(state).root };
  try {
    const { agent, root } = file(JSON.parse(readFileSync(path, 'utf8')), '');
    return { agent, root: new Uint8Array(Buffer.from(root, 'hex')) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StateError('E_STATE_BROKEN', `${path}: ${why}. Restore it from a backup.`);
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
