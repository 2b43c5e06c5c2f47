import type { CodeSection } from './code.ts';

export const PACKING_CODES: CodeSection = {
  title: 'Packing and installing',
  about: 'Said by `install.sh`, the Debian packages and `npm run pack`.',
  codes: {
    E_SUMS: {
      what: 'The files of the tarball are not what was packed.',
      todo: 'Copy the tarball again, and check its signature.',
    },
    E_NODE: {
      what: '`/usr/bin/node` is missing, or older than 20.19.',
      todo: 'Install Node.js 20.19 or newer, or link it there.',
    },
    E_ROOT: { what: 'Installing needs root.', todo: 'Run it as root, or with `--prefix DIR`.' },
    E_BUSY: { what: 'Another `install.sh` or `uninstall.sh` is at work.', todo: 'Wait for its end.' },
    E_INSTALL_CUT: {
      what: 'An installation was cut short; the version that runs is whole.',
      todo: 'Run the same `install.sh` again, or `dpkg --configure -a` and `dpkg -i` where it is a package.',
    },
    E_PACKAGED: { what: 'This host has the Debian package.', todo: 'Use `dpkg` or `apt-get`.' },
    E_PACK_TIME: {
      what: 'The time of the commit is not known.',
      todo: 'Give `SOURCE_DATE_EPOCH` where there is no git checkout.',
    },
    E_PACK_KEY: {
      what: 'The key for signing a release can’t be read.',
      todo: 'Make one: `openssl genpkey -algorithm ed25519 -out release.pem`.',
    },
    E_PACK_VERSION: { what: '`package.json` and `broker/version.ts` name two versions.', todo: 'Make them one.' },
    E_PACK_BUILD: { what: 'The agent’s bundle could not be made.', todo: 'Look at the message of esbuild in it.' },
  },
};
