import type { CodeSection } from './code.ts';

export const ORDERS_CODES: CodeSection = {
  title: 'Carrying out',
  about: 'Said by an agent, or by `sentinel exec`, about an order or a step of it.',
  codes: {
    E_ORDER_AGENT: {
      what: 'The order is for another agent.',
      todo: 'Look who sends on this topic: a broker mixes agents up, or somebody tries.',
    },
    E_ORDER_SITE: { what: 'The order is of another site.', todo: 'Look which site the hub and the agent belong to.' },
    E_ORDER_EPOCH: {
      what: 'The order is of an epoch that is over, or not begun: another hub has taken over.',
      todo: 'Let the hub that is in force give it.',
    },
    E_ORDER_BOOT: {
      what: 'The order is for an earlier start of this agent.',
      todo: 'Nothing: the hub asks a person again. Approve it again if it is still right.',
    },
    E_ORDER_PLAN: {
      what: 'The order names programs that are not those that were approved.',
      todo: 'Keep hub and agent as they are, and look at both audit chains: nothing but a mistake or an attack does this.',
    },
    E_ORDER_HOST: { what: 'The approval was given for another host.', todo: 'As for `E_ORDER_PLAN`.' },
    E_ORDER_SEQUENCE: {
      what: 'A step came before the one that it follows.',
      todo: 'Nothing: it was not run. Approve again.',
    },
    E_ORDER_LATE: {
      what: 'What was done is to be checked or undone more than a day after it was begun.',
      todo: 'Look at the host as it is now; undo it by hand, or by a plan of its own.',
    },
    E_ORDER_FLOOD: {
      what: 'More orders wait than a hub ever sends.',
      todo: 'Wait for the present ones; then look who sends them.',
    },
    E_HALTED: {
      what: 'The site is halted: nothing is begun, and what ran was ended.',
      todo: 'An admin lifts it: `sentinel halt --lift`.',
    },
    E_HALT_OLD: {
      what: 'A word about a halt is older than one that was heard.',
      todo: 'Nothing: the newer one is obeyed.',
    },
    E_NO_ROSTER: {
      what: 'The agent has not heard a roster yet, so it believes nobody.',
      todo: 'Let it reach the hub once.',
    },
    E_EPOCH_OLD: {
      what: 'Another hub has taken over: this epoch is over.',
      todo: 'Let the old hub stay stopped; docs/fleet.md, "A second hub".',
    },
    E_ACK_OLD: { what: 'An acknowledgement was heard before.', todo: 'Nothing: it was ignored.' },
    E_HUB_TIME: {
      what: 'The hub’s signed time is more than a day ahead of this host’s clock, and is not believed; what else the message says is.',
      todo: 'See which clock is wrong, the hub’s or this host’s, and set it; docs/threat-model.md, "Whose time counts".',
    },
    E_AUDIT_ROLLBACK: {
      what: 'The hub’s audit chain is shorter than it was, or another one.',
      todo: '`sentinel audit verify`, and compare with the agents’ `audit.jsonl`. After a restore the site root signs the next epoch.',
    },
    E_JOURNAL: {
      what: 'The agent’s journal of steps can’t be read or written, so it begins none.',
      todo: 'Free disk space on that host, or give the file back to its user; one that is garbled comes back from a backup.',
    },
    E_STEP_INTERRUPTED: {
      what: 'The agent ended while the step ran: nobody knows what became of it. It is never repeated.',
      todo: 'Look at the host, then decide.',
    },
    E_EXEC_LOST: {
      what: 'The executor ended while it had the order.',
      todo: 'Look at the host and at `journalctl -u sentinel-exec`, then decide.',
    },
    E_EXEC_SOCKET: {
      what: 'The executor was given another number of sockets than one.',
      todo: 'Start it by its own socket unit.',
    },
    E_POLICY_BLOCK: {
      what: 'The agent’s own judgement of the command is `block`. That is final.',
      todo: 'Look at the rule: `sentinel policy explain COMMAND`; choose another way.',
    },
    E_POLICY_REVIEW: {
      what: 'The command needs consent, and the approval has none for it.',
      todo: 'Approve it by its number.',
    },
    E_NEEDS_ROOT: {
      what: 'The command needs root, or acts on another user’s process, and this agent may not.',
      todo: 'Set up `sentinel exec`, or sudo: docs/exec.md.',
    },
    E_BINARY_MISSING: {
      what: 'The program is not in the folders that programs are taken from.',
      todo: 'Install it on that host, or choose another command.',
    },
    E_BINARY_UNSAFE: {
      what: 'The program, or a folder above it, can be changed by others than root.',
      todo: 'Mend its owner and mode: `root`, and no write for others.',
    },
    E_PATH_UNSAFE: {
      what: 'A path that root would act on does not exist, is a link, or can be changed by others.',
      todo: 'Mend its owner and mode, or name the path itself.',
    },
    E_HOME_UNSAFE: {
      what: 'The empty home folder for commands is not root’s alone, or is not empty.',
      todo: 'Remove what is in it, and let only root write there.',
    },
    E_PROCESS_GONE: {
      what: 'The process that the plan is about has ended.',
      todo: 'Nothing, if the trouble is over; else look for the new one.',
    },
    E_PROCESS_OTHER: {
      what: 'The pid is another process’s now.',
      todo: 'Nothing was touched. Wait for the next evidence.',
    },
    E_SPAWN: {
      what: 'The program could not be started. The message has the reason of the operating system.',
      todo: 'Look at that host’s limits and memory.',
    },
    E_LIMIT_PROCESSES: {
      what: 'A command made more processes than it may, and was ended.',
      todo: 'Look at what it did; docs/exec.md has the bounds.',
    },
    E_LIMIT_MEMORY: {
      what: 'A command took more memory than it may, and was ended.',
      todo: 'As for `E_LIMIT_PROCESSES`.',
    },
    E_LIMIT_OUTPUT: {
      what: 'A command wrote more than it may, and was ended.',
      todo: 'Use one that says less: `-n`, `--lines`, a narrower path.',
    },
  },
};
