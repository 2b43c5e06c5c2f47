import { arch, availableParallelism, platform, release, totalmem } from 'node:os';
import { encodeCbor } from '../broker/cbor.ts';
import { type Birth, LIMITS } from '../broker/messages.ts';
import { VERSION } from '../broker/version.ts';
import { readInventory } from './inventory.ts';
import type { Sensor } from './sense/sensor.ts';

/** What an agent says of itself and its host whenever it connects or its metrics change. */
export function birthOf(
  sensor: Sensor,
  self: Pick<Birth, 'agent' | 'boot' | 'key' | 'ring' | 'lost' | 'frames' | 'count' | 'now' | 'devices'> & {
    readonly live: boolean;
    readonly privileged?: boolean;
    readonly upgrades?: boolean;
  },
): Birth {
  const { live, privileged = process.geteuid?.() === 0, upgrades, ...said } = self;
  return {
    ...said,
    version: VERSION,
    host: {
      os: platform(),
      arch: arch(),
      kernel: release(),
      cores: availableParallelism(),
      memory: totalmem(),
      tags: sensor.watch.declared().tags,
    },
    schema: sensor.schema(),
    metrics: sensor.metrics(),
    inventory: readInventory(sensor),
    can: { live, privileged, ...(upgrades === undefined ? {} : { upgrades }) },
  };
}

/** What a signature and its frame add to a payload. */
const SEAL_BYTES = 256;

/**
 * A birth as bytes that the broker takes. On a host with very many names the inventory is cut, processes first, then
 * units: a name that is left out can't be acted on, but an agent whose birth is refused is not there at all.
 */
export function encodeBirth(birth: Birth): Uint8Array {
  let { inventory } = birth;
  for (;;) {
    const bytes = encodeCbor({ ...birth, inventory });
    if (bytes.length + SEAL_BYTES <= LIMITS.payload) return bytes;
    const cut = inventory.processes.length > 0 ? 'processes' : inventory.units.length > 0 ? 'units' : 'hosts';
    if (inventory[cut].length === 0) return bytes;
    inventory = { ...inventory, [cut]: inventory[cut].slice(0, Math.floor(inventory[cut].length / 2)) };
  }
}
