import type { CodeSection } from './code.ts';

export const IDENTITY_CODES: CodeSection = {
  title: 'Keys, operators, joining',
  about: 'Who is who at a site.',
  codes: {
    E_KEY_FILE: {
      what: 'A key’s file can’t be read, is of another kind, is open to others, or its passphrase is wrong.',
      todo: 'Mend what the message names; operators’ keys are made with `ssh-keygen -t ed25519`.',
    },
    E_SSH_AGENT: {
      what: 'The ssh-agent does not answer, or does not sign.',
      todo: 'Start it, `ssh-add` the key, and look at `SSH_AUTH_SOCK`.',
    },
    E_SSH_SHAPE: {
      what: 'A key or a signature of OpenSSH is cut, or of a kind that is not used here.',
      todo: 'Use an Ed25519 key: `ssh-keygen -t ed25519` or `ed25519-sk`.',
    },
    E_OPERATOR_KEY: {
      what: 'No key is there with which you could sign as an operator of this site.',
      todo: 'Give `--key FILE`, or `ssh-add` it; `sentinel operator list` shows whose keys are known.',
    },
    E_OPERATOR_NAME: {
      what: 'This name is no person’s: `hub`, `site-root` and `nobody` are taken.',
      todo: 'Choose another.',
    },
    E_OPERATOR_KNOWN: {
      what: 'An operator of this name is on the roster.',
      todo: 'For another key of theirs: `sentinel operator rotate`.',
    },
    E_OPERATOR_UNKNOWN: { what: 'No operator of this name is on the roster.', todo: 'See `sentinel operator list`.' },
    E_OPERATOR_KEY_KNOWN: {
      what: 'This key is on the roster already, or was. A key is never used twice.',
      todo: 'Make a new one.',
    },
    E_OPERATOR_LAST_ADMIN: { what: 'The site would be left without an admin.', todo: 'Add another admin first.' },
    E_OPERATOR_TWO: {
      what: 'Two persons could never agree: too few may approve.',
      todo: 'Add another approver or admin first.',
    },
    E_OPERATOR_FULL: {
      what: 'The roster has no room for more. The message names the limit.',
      todo: 'Revoke who is not needed any more, or use fewer scopes.',
    },
    E_ROSTER_OLD: {
      what: 'The roster is older than the one in force.',
      todo: 'Sign the version that follows: `sentinel roster sign --in` the newest one.',
    },
    E_ROSTER_REFUSED: {
      what: 'The roster is signed, and still does not fit what is in force here.',
      todo: 'Do what the message says: the next version, the same site, an order key that is on this hub.',
    },
    E_JOIN_TOKEN: {
      what: 'What was given is no join token, or not all of one.',
      todo: 'Paste the whole line that `sentinel enroll` printed.',
    },
    E_JOIN_CA: {
      what: 'Who answers there is not the hub that the token is for.',
      todo: 'Look at the address; then suspect the network.',
    },
    E_JOIN_UNREACHABLE: {
      what: 'The hub’s enrolment port was not reached.',
      todo: 'Start the hub, open port 8884, or print a token with `sentinel enroll HOST --at HOST:PORT`.',
    },
    E_JOIN_REFUSED: {
      what: 'The hub did not take this host on. The message has its reason.',
      todo: 'Look the hub’s own code up; mostly a new token helps.',
    },
    E_JOIN_ANSWER: {
      what: 'The hub’s answer was cut short, or holds no certificate for this agent.',
      todo: 'Try again with the same token; if it stays so, look at the hub’s log.',
    },
    E_TOKEN_EXPIRED: {
      what: 'The token’s time is over.',
      todo: 'Print another: `sentinel enroll HOST`, with `--hours` for a longer one.',
    },
    E_TOKEN_USED: {
      what: 'The token was used already, by somebody with another key.',
      todo: 'If that was not you, `sentinel enroll --revoke HOST`; then print another.',
    },
    E_ENROLL_AGENT: {
      what: 'This name is none for an agent, is taken, or is not enrolled.',
      todo: 'Choose another name, or see `sentinel enroll --list`.',
    },
    E_ENROLL_KEY: { what: 'This agent was enrolled with another key.', todo: 'Print a new token and join again.' },
    E_ENROLL_REFUSED: {
      what: 'There is no such token, or it is of another site.',
      todo: 'Print a new one where the right hub runs.',
    },
    E_CERTIFICATE_KEY: {
      what: 'An enrolment shows a TLS key that is not on the curve P-256.',
      todo: 'Join again: the agent makes its keys by itself.',
    },
    E_CERTIFICATE_REVOKED: {
      what: 'This agent’s certificate was revoked or replaced.',
      todo: 'If it should be here, print a new token and join again.',
    },
    E_RENEW: {
      what: 'The agent could not renew its certificate; it tries again every hour.',
      todo: 'Look whether it reaches the hub’s enrolment port; the log has the reason.',
    },
  },
};
