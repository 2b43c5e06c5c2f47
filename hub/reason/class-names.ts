import type { Playbook } from '../playbook/playbook.ts';

/** As the catalogue's own classes are written; a site's playbook may call its own otherwise. */
const CLASS = /^[a-z][a-z0-9-]{0,39}$/;

/** The classes that playbooks treat, each once: what a model may name beside those of the catalogue. */
export const classesOf = (playbooks: Iterable<Playbook>): readonly string[] => [
  ...new Set([...playbooks].map((one) => one.class).filter((name) => CLASS.test(name))),
];
