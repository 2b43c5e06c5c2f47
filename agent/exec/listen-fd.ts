/** The first descriptor that systemd hands over (sd_listen_fds(3)). */
const FIRST = 3;

/**
 * The socket that a service manager opened for this very process, or null when it opened none. Throws E_EXEC_SOCKET
 * when it opened several: there is one thing to be asked here. Takes the variables out of the environment, so that
 * nothing that is started believes them meant for it.
 */
export function listenFd(env: NodeJS.ProcessEnv, pid: number): number | null {
  const { LISTEN_PID, LISTEN_FDS } = env;
  delete env['LISTEN_PID'];
  delete env['LISTEN_FDS'];
  delete env['LISTEN_FDNAMES'];
  if (LISTEN_PID !== String(pid)) return null;
  if (LISTEN_FDS !== '1')
    throw Object.assign(new Error(`one socket is wanted, ${LISTEN_FDS} came`), { code: 'E_EXEC_SOCKET' });
  return FIRST;
}
