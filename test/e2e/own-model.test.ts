import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ownManifest } from '../../hub/reason/own-model.ts';
import { UNCALIBRATED_CAP } from '../../hub/reason/validate.ts';
import { Site } from './site.ts';

/** What a user gets who says nothing about models. */
const own = suite('the hub’s own model');

own('is loaded, reasons beside the rules, and is as sure as was measured', async () => {
  const site = new Site();
  const manifest = ownManifest();
  assert.ok(manifest !== null && manifest.calibration.length > 1);
  try {
    site.model = [];
    await site.startHub('--live');
    await site.until(() => /the model is ready/.test(site.log), 'the model');
    assert.not.match(site.log, /going on with rules alone/);
    await site.startAgent('--live');
    site.fill();
    const proposed = await site.reaches('proposed', 'escalated');
    const said = proposed.diagnoses.find((one) => one.by === 'sentinel');
    assert.ok(said, site.told());
    assert.is(said?.trace?.model_sha256, manifest?.sha256);
    assert.ok((said?.trace?.class_probability ?? 0) > 0);
    assert.ok((said?.confidence ?? 1) <= UNCALIBRATED_CAP);
    // Whatever else this machine does is in the evidence too, and may mislead it: the rules' plan stands all the same.
    assert.is(proposed.plan?.playbook, 'folder-full');
    assert.match(proposed.plan?.by ?? '', /rules/);
    if (said?.playbook === 'folder-full') assert.is(proposed.plan?.by, 'sentinel+rules', 'both say the same');
  } finally {
    await site.close();
  }
});

own.run();
