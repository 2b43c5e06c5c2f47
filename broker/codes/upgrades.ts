import type { CodeSection } from './code.ts';

export const UPGRADES_CODES: CodeSection = {
  title: 'Upgrades of agents over the mesh',
  about: 'Said by the hub to the admin who orders one, and by executors about what was brought; docs/upgrade.md.',
  codes: {
    E_RELEASE: {
      what: 'An upgrade file is none, is cut short, or what is packed is not the code that was signed.',
      todo: 'Copy it again; `npm run pack -- --key FILE` makes one.',
    },
    E_UPGRADE_OFF: {
      what: 'The host takes no upgrade over the mesh: it has no `release.pem` that holds an Ed25519 public key, or older units.',
      todo: 'Switch it on there as root, if that is wanted: docs/upgrade.md.',
    },
    E_UPGRADE_READONLY: {
      what: 'The host has no executor, and an agent that is not root can’t replace itself.',
      todo: 'Upgrade it by hand, or give it an executor: docs/exec.md.',
    },
    E_UPGRADE_DRY: {
      what: 'The hub, the agent or the executor is dry run.',
      todo: 'Start all three with `--live`.',
    },
    E_UPGRADE_AGENT: {
      what: 'A word of an upgrade is for another agent or of another epoch, or a report is of an earlier start.',
      todo: 'Nothing, where it comes now and then; else see who publishes on the agent’s topics.',
    },
    E_UPGRADE_ORDER: {
      what: 'What the admin has signed is another upgrade than the release that came.',
      todo: 'Order it again, with the file that is meant.',
    },
    E_UPGRADE_WHERE: {
      what: 'No host that was heard is in these groups, or the host finds itself in none of them, or is not the admin’s.',
      todo: 'Compare `--group` with the tags of the host’s `watch.d`, and the admin’s scopes.',
    },
    E_UPGRADE_EXPIRED: {
      what: 'The order’s time is over, or is longer than any may be; or a word of the hub came long after it was said, or another followed it.',
      todo: 'Order it again. Where it comes back, compare the clocks of hub and host, and see who holds messages back.',
    },
    E_UPGRADE_OLD: {
      what: 'The host runs this version, or a later one.',
      todo: 'Leave it, or consent with `--downgrade`.',
    },
    E_UPGRADE_NEWER: {
      what: 'The release is of a later minor version than the hub.',
      todo: 'Upgrade the hub first.',
    },
    E_UPGRADE_BUSY: {
      what: 'Another upgrade is under way, at the hub or on the host.',
      todo: 'Wait for its end: `sentinel upgrade status`.',
    },
    E_UPGRADE_CHUNK: {
      what: 'A piece is not the one that the release key has signed, or pieces are missing.',
      todo: 'Order it again; where it comes back, see who is between hub and host.',
    },
    E_UPGRADE_UNKNOWN: {
      what: 'No such upgrade was offered here, or it was cut short before it began.',
      todo: 'Order it again.',
    },
    E_UPGRADE_FULL: {
      what: 'More upgrades were ordered within a week than an executor remembers.',
      todo: 'Wait until the orders of the last days have lapsed.',
    },
    E_UPGRADE_FLOOD: {
      what: 'More words of upgrades wait than a hub of ours says.',
      todo: 'See who publishes on the agent’s topics.',
    },
    E_UPGRADE_EXEC: {
      what: 'The executor does not answer the agent.',
      todo: 'Nothing while it is being replaced; else look at `journalctl -u sentinel-exec` there.',
    },
    E_UPGRADE_SILENT: {
      what: 'Nothing was heard of the host for longer than its upgrade may take.',
      todo: 'Look at the host; it goes back by itself when its hub does not hear it.',
    },
    E_UPGRADE_UNHEARD: {
      what: 'The hub did not hear the new version in time, and the host went back to the version before.',
      todo: 'Look at `journalctl -u sentinel-agent` there before it is ordered again.',
    },
    E_UPGRADE_DAMAGED: {
      what: 'A file of the change of versions was not whole on the host’s disk.',
      todo: 'Look at that disk, then order it again.',
    },
    E_UPGRADE_REPLACED: {
      what: 'Somebody has installed another version on the host meanwhile, and that one stays.',
      todo: 'Nothing; order it again if it is still wanted.',
    },
    E_UPGRADE_STOPPED: {
      what: 'An admin has stopped the upgrade while its pieces travelled.',
      todo: 'Nothing; order it again if it is still wanted.',
    },
    E_UPGRADE_DISK: {
      what: 'The host’s disk did not take what a change of versions has to write.',
      todo: 'Free space there, then order it again.',
    },
    E_UPGRADE_FILE: {
      what: 'The hub’s own copy of the release can’t be read any more.',
      todo: 'Order it again.',
    },
  },
};
