import { CODE_SECTIONS } from './all.ts';

const HEAD = `# Error codes

What goes wrong has a code, which stays the same from version to version; the sentence beside it may change. The same on a machine
without a network:

    sentinel explain E_BROKER_PORT
    sentinel explain                       all of them

Codes without the \`E_\`, such as \`ENOSPC\` or \`EACCES\`, are the operating system’s own. A command ends with 1 when the answer
is no, and with 2 when it was refused.

This page is made from the table in \`broker/codes\`: \`npm run pages\`.`;

/** docs/errors.md, whole. */
export function codesPage(): string {
  const sections = CODE_SECTIONS.map(({ title, about, codes }) => {
    const rows = Object.entries(codes).map(([code, { what, todo }]) => `| \`${code}\` | ${what} | ${todo} |`);
    return [`## ${title}`, '', about, '', '| code | what happened | what to do |', '|---|---|---|', ...rows].join('\n');
  });
  return `${[HEAD, ...sections].join('\n\n')}\n`;
}
