import { existsSync } from 'node:fs';
import { askDbus } from './ask.ts';
import { DbusError, type Reader } from './message.ts';

/** Names that are kept: a host with more failed units has one trouble, not a thousand. */
const MAX_UNITS = 64;

/** The system bus is open to everybody; systemd's own socket to root alone, and is there without a bus daemon. */
const SOCKETS = [
  { path: '/run/dbus/system_bus_socket', bus: true },
  { path: '/run/systemd/private', bus: false },
] as const;

/** True where a systemd runs that can be asked. */
export const hasSystemd = (): boolean =>
  existsSync('/run/systemd/system') && SOCKETS.some(({ path }) => existsSync(path));

/**
 * The units that systemd itself calls failed, asked over D-Bus: one short conversation, where `systemctl` would be a
 * process a minute. Rejects when nobody answers until `signal` aborts.
 */
export async function failedUnits(signal: AbortSignal): Promise<readonly string[]> {
  let last: unknown = new DbusError('no systemd to ask');
  for (const { path, bus } of SOCKETS) {
    if (!existsSync(path)) continue;
    try {
      const body = await askDbus(
        path,
        {
          destination: 'org.freedesktop.systemd1',
          path: '/org/freedesktop/systemd1',
          interface: 'org.freedesktop.systemd1.Manager',
          member: 'ListUnitsFiltered',
          texts: ['failed'],
        },
        { bus, signal },
      );
      return readUnits(body);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

/** `a(ssssssouso)`: name, description, load, active and sub state, followed, path, job's id, type and path. */
export function readUnits(body: Reader): string[] {
  const length = body.uint32();
  const end = body.align(8).offset + length;
  const units: string[] = [];
  while (body.offset < end && units.length < MAX_UNITS) {
    const name = body.align(8).text();
    body.text();
    body.text();
    const active = body.text();
    for (let skipped = 0; skipped < 3; skipped++) body.text();
    body.uint32();
    body.text();
    body.text();
    if (active === 'failed') units.push(name);
  }
  return units;
}
