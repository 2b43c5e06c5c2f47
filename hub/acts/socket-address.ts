import { closeSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** sockaddr_un holds 108 bytes with the final zero (unix(7)). */
const PATH_MAX = 107;

/**
 * A path that bind and connect accept, for a socket file anywhere: one too long for sockaddr_un is named through an
 * open descriptor of its folder. Call `release` when the server is closed or the connection stands.
 */
export function socketAddress(file: string): { readonly path: string; readonly release: () => void } {
  if (Buffer.byteLength(file) <= PATH_MAX) return { path: file, release: () => {} };
  const folder = openSync(dirname(file), 'r');
  return { path: `/proc/self/fd/${folder}/${basename(file)}`, release: () => closeSync(folder) };
}
