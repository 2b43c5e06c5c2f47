import { existsSync } from 'node:fs';
import { listContainers } from './api.ts';

/** Where a docker or a podman listens; the first that is there is asked. */
export const SOCKETS = ['/run/docker.sock', '/var/run/docker.sock', '/run/podman/podman.sock'];
/** What a policy's operand may name (invariant 8). */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
/** A daemon that hangs must not hold an order up for longer. */
const DEADLINE_MS = 5_000;

/** Names of the containers that exist now; none where nothing answers. */
export async function containerNames(): Promise<readonly string[]> {
  const socket = SOCKETS.find((path) => existsSync(path));
  if (socket === undefined) return [];
  try {
    const found = await listContainers(socket, AbortSignal.timeout(DEADLINE_MS));
    return found.map(({ name }) => name).filter((name) => NAME.test(name));
  } catch {
    return [];
  }
}
