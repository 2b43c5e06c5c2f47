import type { Operator } from '../../broker/roster.ts';
import { type Enrollment, TOKEN_HOURS } from '../site/enrollment.ts';
import type { Announcements } from '../site/halts.ts';
import { ActError } from '../steps/approve.ts';
import type { Request } from './protocol.ts';

/** What an admin can change while the hub runs; null where this hub has no such thing. */
export interface Admin {
  readonly enrolling: { readonly enrollment: Enrollment; readonly at: string } | null;
  /** Takes in a roster that the site root signed, in an operator's name; resolves when agents were told. */
  readonly installRoster: ((message: Uint8Array, by: string) => Promise<void>) | null;
  readonly announcements: Pick<Announcements, 'halt' | 'lift' | 'revoked'> | null;
  /** Lets every incident go on that waited for the halt to end. */
  readonly resume: () => void;
}

export const NO_ADMIN: Admin = {
  enrolling: null,
  installRoster: null,
  announcements: null,
  resume: () => {},
};

/** Carries out an act on the site, a halt by whoever may approve, anything else by an admin; answers what it was asked for; null when that is nothing but done. */
export async function adminAct(admin: Admin, operator: Operator, asked: Request): Promise<string | null> {
  const { announcements } = admin;
  if (asked.verb === 'halt' && announcements !== null) {
    await announcements.halt(operator.name, asked.note ?? '');
    return null;
  }
  if (operator.role !== 'admin') throw new ActError('E_ACT_ROLE', `${operator.name} is ${operator.role}: an admin may`);
  const { agent = '', payload } = asked;
  switch (asked.verb) {
    case 'enroll': {
      const { enrollment, at } = enrolling(admin);
      return enrollment.issueToken(agent, asked.at ?? at, asked.hours ?? TOKEN_HOURS.usual, operator.name);
    }
    case 'revoke':
      await enrolling(admin).enrollment.revoke(agent, operator.name);
      return null;
    case 'roster': {
      if (admin.installRoster === null || payload === undefined)
        throw new ActError('E_ACT_MISMATCH', 'no roster in it');
      await admin.installRoster(payload, operator.name);
      return null;
    }
    case 'lift': {
      const { signature } = asked;
      if (announcements === null || payload === undefined || signature === undefined)
        throw new ActError('E_ACT_MISMATCH', 'a lift needs its signed payload');
      await announcements.lift({ payload, signature });
      admin.resume();
      return null;
    }
    default:
      throw new ActError('E_ACT_MISMATCH', `${asked.verb} needs an incident`);
  }
}

function enrolling({ enrolling }: Admin): NonNullable<Admin['enrolling']> {
  if (enrolling === null) {
    throw new ActError('E_ACT_STATE', 'this site is of one host. Make one for several with `sentinel init`.');
  }
  return enrolling;
}
