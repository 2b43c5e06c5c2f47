import { writeFileSync } from 'node:fs';
import { signApproval } from '../../broker/approvals.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { keyFile, readRoster } from '../../broker/enroll.ts';
import { readKeyPair } from '../../broker/keys.ts';
import { sealRoster } from '../../broker/roster.ts';
import { NAMESPACES } from '../../broker/sshsig.ts';
import { secondOf } from '../../broker/two-person.ts';
import { ulid } from '../../broker/ulid.ts';
import { type AuditEntry, appendAudit } from '../../hub/chain/audit.ts';
import { Checkpoints } from '../../hub/chain/checkpoints.ts';
import type { Hub } from '../../hub/hub.ts';
import { Store } from '../../hub/store/store.ts';
import * as samples from '../broker/samples.ts';
import { SoftToken } from '../broker/soft-token.ts';
import { type MadeSite, makeSite, PASSPHRASE } from './made-site.ts';

/**
 * A made site with a chain of 38 records, 37 of them under a checkpoint; every fourth and the sixth are about `incident`, which
 * ann approved, and then once more together with bob, whose key is in a security token.
 */
export interface ProvableSite extends MadeSite {
  readonly incident: string;
}

export async function provableSite(folder: string): Promise<ProvableSite> {
  const made = await makeSite(folder);
  const { state, site } = made;
  const bob = new SoftToken();
  const { roster: before } = readRoster(state, site);
  const operators = [...before.operators, { name: 'bob', ...bob.key, role: 'approver' as const, scopes: [] }];
  const roster = { ...before, version: 2, operators };
  writeFileSync(state.roster, sealRoster(roster, readKeyPair(made.rootKey, PASSPHRASE)));
  const store = new Store(state.store, 'write');
  const key = readKeyPair(keyFile.hub(state));
  const ann = readKeyPair(keyFile.operator(state, 'ann'));
  const incident = ulid(Date.now());
  const verdict = { decision: 'block', reason: 'it removes more than it names' };
  const approval = { ...samples.approval, site: 'plant-7', incident, by: 'ann', role: 'admin' as const, host: 'web-1' };
  const { payload, signature } = signApproval(approval, ann);
  const first = signApproval({ ...approval, id: ulid(2) }, ann);
  const second = encodeCbor(secondOf(first, approval, { by: 'bob', role: 'approver', not_after: approval.not_after }));
  const special: Readonly<Record<number, AuditEntry>> = {
    2: { kind: 'hub.started', incident: null, actor: 'hub', data: { live: true, policy: 'ab'.repeat(32) } },
    4: {
      kind: 'incident.opened',
      incident,
      actor: 'web-1',
      data: { severity: 'critical', reason: 'full: <script>alert(1)</script>', fingerprint: 'disk' },
    },
    6: {
      kind: 'incident.diagnosed',
      incident,
      actor: 'hub',
      data: {
        diagnoses: [{ by: 'rules', class: 'disk-full', confidence: 0.58, root_cause: 'old <b>dumps</b> fill /var' }],
      },
    },
    8: {
      kind: 'plan.vetted',
      incident,
      actor: 'hub',
      data: {
        decision: 'block',
        policy: 'ab'.repeat(32),
        verdicts: [{ phase: 'step', number: 1, command: 'rm -rf /var/tmp/*', verdict }],
      },
    },
    16: {
      kind: 'plan.approved_first',
      incident,
      actor: 'ann',
      data: { approval: first.payload, signature: first.signature },
    },
    20: {
      kind: 'plan.seconded',
      incident,
      actor: 'bob',
      data: { second, signature: bob.sign(second, NAMESPACES.second) },
    },
    12: { kind: 'plan.approved', incident, actor: 'ann', data: { approval: payload, signature } },
  };
  const entry = (n: number): AuditEntry =>
    special[n] ?? {
      kind: 'test.said',
      incident: n % 4 === 0 ? incident : ulid(n),
      actor: 'hub',
      data: { n, incident, more: 'x'.repeat(n) },
    };
  await store.write(() => {
    for (let n = 1; n <= 37; n++) appendAudit(store, key, entry(n), 1_700_000_000_000 + n);
  });
  const mesh = { publish: async () => {} };
  const hub = { store, site, key, roster, mesh, now: Date.now };
  await new Checkpoints(hub as unknown as Hub).make();
  await store.write(() => appendAudit(store, key, entry(40), 1_700_000_000_100));
  await store.close();
  return { ...made, incident };
}
