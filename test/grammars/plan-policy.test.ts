import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fillTemplate, loadCatalogue } from '../../grammars/catalogue.ts';
import { loadPolicy } from '../../policy/policy.ts';

const NAMES = { pid: '4242', unit: 'ingest.service', mount: '/var', folder: '/srv/spool', container: 'web-1' };
const policy = await loadPolicy();

const agreement = suite('the catalogue and the policy');

agreement('say the same of every template', () => {
  for (const { id, template, verdict } of loadCatalogue().commands) {
    const command = fillTemplate(template, NAMES);
    const said = policy.check(command, null);
    assert.is(said.decision, verdict, `${id}: ${command}: ${said.rule}: ${said.reason}`);
  }
});

agreement('block no rollback', () => {
  for (const { id, rollback } of loadCatalogue().commands) {
    if (rollback !== null) assert.is.not(policy.check(fillTemplate(rollback, NAMES), null).decision, 'block', id);
  }
});

agreement.run();
