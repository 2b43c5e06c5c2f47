import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownFolder } from './own-folder.ts';
import { type Scenario, watchedName } from './scenario.ts';

const NAME = 'cert-expiry';
const ROOM_MIB = 16;
/** Made for this: CN=sentinel-scenario, ended on 2020-12-31, its key thrown away. */
const ENDED = `-----BEGIN CERTIFICATE-----
MIIBJzCBz6ADAgECAgEBMAoGCCqGSM49BAMCMBwxGjAYBgNVBAMTEXNlbnRpbmVs
LXNjZW5hcmlvMB4XDTIwMDEwMTAwMDAwMFoXDTIwMTIzMTAwMDAwMFowHDEaMBgG
A1UEAxMRc2VudGluZWwtc2NlbmFyaW8wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAT4NtGMadFo1lxPY07jCgEjMDLT2gzKcipnX2YcbLCNKd2r7ftpQBxr/0evcPkz
eaQkp91UoEZtBOsVBMypVEqzowIwADAKBggqhkjOPQQDAgNHADBEAiA1bmeK5BlP
OPpONT5FM4tlbVPlvKMItRdS6gDwl9rBNgIgRO5VjR2jc3w8x6NQ/8Mx3SAqGLjt
jcEzKlAQmjdyFFQ=
-----END CERTIFICATE-----
`;

/** A certificate that has ended, in a file of its own that nothing uses. */
export const certExpiry: Scenario = {
  name: NAME,
  what: 'a watched certificate file holds a certificate that has ended',
  signal: 'certificate.expiry',
  metric: `certificate.days_left[${watchedName(NAME)}]`,
  linger: 5,
  async prepare() {
    const folder = await ownFolder(NAME, ROOM_MIB);
    const file = join(folder, 'service.pem');
    writeFileSync(file, ENDED);
    return {
      signal: this.signal,
      metric: this.metric,
      expect: 'is below zero at once',
      fix: `replace or delete ${file}`,
      args: [],
      folder,
      dropIn: () => `version: 1\ncertificates:\n  - name: ${watchedName(NAME)}\n    glob: ${folder}/*.pem\n`,
      fixed: async () => !existsSync(file) || readFileSync(file, 'utf8') !== ENDED,
    };
  },
};
