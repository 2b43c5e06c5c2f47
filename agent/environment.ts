/** HOME of what an ordinary user's agent runs: nothing is read from there, and nothing written. */
export const NO_HOME = '/nonexistent';

/**
 * The whole environment of a command (docs/design.md invariant 3): nothing of the agent's own, and no pager or editor
 * to be started. PATH holds the folders that binaries are taken from, in the same order.
 */
export const environmentOf = (home: string): Readonly<Record<string, string | undefined>> => ({
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
  HOME: home,
  PAGER: '',
  SYSTEMD_PAGER: '',
  GIT_PAGER: '',
  EDITOR: '',
  VISUAL: '',
  // Node hands this one of its own on unless it is named here; without a value it is left out.
  NODE_V8_COVERAGE: undefined,
});
