/**
 * Frees the spool in three steps: the first leaves one new file for each time that it is run, which is how a test
 * counts, the second keeps the incident in `executing` for a while, and the third brings the metric back.
 */
export const COUNTING_PLAYBOOK = `version: 1
id: folder-full
title: Frees the spool and leaves a file for each run
class: disk
match:
  signals: [folder.space]
  description: a watched folder is over its quota
pre_checks: []
steps:
  - run: mktemp -p {folder} ran.XXXXXX
    why: Leaves one file for each run.
    rollback: null
  - run: sleep 2
    why: Keeps the order going for a while.
    rollback: null
  - run: find {folder} -xdev -type f -name '*.tmp' -delete
    why: Deletes the temporary files that fill it.
    rollback: null
verify:
  within: 30s
  post_checks: []
idempotent: true
concurrency: host
max_wait: 60s
`;
