import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isMap, isScalar, type Pair, parseDocument, type Scalar, visit, type YAMLMap } from 'yaml';
import { loadBash } from '../../grammars/bash.ts';
import { compile } from '../../policy/compile.ts';
import { readCommands } from '../../policy/compile-schema.ts';
import { decisionFor } from '../../policy/effects.ts';
import { isFault } from '../../policy/fault.ts';
import { createJudge } from '../../policy/judge.ts';
import { loadRules } from '../../policy/load-rules.ts';
import { treeReader } from '../../policy/parse.ts';
import type { Program } from '../../policy/program.ts';
import { RuleNode } from '../../policy/rule-file.ts';
import { parseRules } from '../../policy/rule-tree.ts';
import type { CommandSchema } from '../../policy/schema.ts';
import { type Decision, EFFECTS, type Effect, type Verdict } from '../../policy/verdict.ts';

const test = suite('a rule that is turned round fails a test');
const folder = fileURLToPath(new URL('../../policy/rules/', import.meta.url));
const { rules, examples } = loadRules();

/** An example of a rule file, compiled once: what does not compile says nothing about a rule. */
interface Promised {
  readonly program: Program;
  readonly names: ReadonlySet<string>;
  readonly verdict: string;
}

/** What `verdicts.test.ts` holds fast for every example. */
const told = ({ decision, effect, rule, attributes }: Verdict): string =>
  [decision, effect, rule, ...attributes].join(' ');

const tree = treeReader(await loadBash());
const plain = createJudge(rules, '');
const promises = examples.flatMap(({ command }): Promised[] => {
  const compiled = compile(command, tree);
  if (isFault(compiled)) return [];
  const { program } = compiled;
  const names = new Set(program.jobs.flatMap(({ pipe }) => pipe.flatMap(({ argv }) => argv)));
  return [{ program, names, verdict: told(plain.judge(program, null)) }];
});

const DECISIONS: readonly Decision[] = ['allow', 'review', 'block'];

/** Other values for one key that make another decision; none where nothing would change. */
function others(key: string, value: string, beside: YAMLMap): readonly string[] {
  if (key === 'decision') return DECISIONS.filter((decision) => decision !== value);
  // A decision that stands beside an effect decides; the effect then only goes into the record.
  if (beside.has('decision'))
    return EFFECTS.filter((effect) => effect === (value === 'destroy' ? 'breach' : 'destroy'));
  const attributes = beside.has('attribute') ? (['secret'] as const) : [];
  const now = decisionFor(value as Effect, attributes);
  const seen = new Set<Decision>([now]);
  return EFFECTS.filter((effect) => {
    const then = decisionFor(effect, attributes);
    if (seen.has(then)) return false;
    seen.add(then);
    return true;
  });
}

interface Mutant {
  readonly where: string;
  readonly commands: Map<string, CommandSchema>;
  readonly touched: readonly string[];
}

/** Every decision and effect of one file, with each other value that matters. */
function* mutants(file: string): Generator<Mutant> {
  const text = readFileSync(join(folder, file), 'utf8');
  const family = new RuleNode(file, parseRules(file, text)).text('family') ?? '';
  const document = parseDocument(text, { schema: 'core' });
  const found: { pair: Pair<Scalar<string>, Scalar<string>>; beside: YAMLMap; path: string }[] = [];
  visit(document, {
    Pair(_, pair, path) {
      if (!isScalar(pair.key) || !isScalar(pair.value)) return;
      if (pair.key.value !== 'effect' && pair.key.value !== 'decision') return;
      const beside = path.findLast(isMap);
      const keys = path.flatMap((node) => ('key' in node && isScalar(node.key) ? [String(node.key.value)] : []));
      if (beside === undefined || keys[0] !== 'commands') return;
      found.push({ pair: pair as Pair<Scalar<string>, Scalar<string>>, beside, path: keys.slice(1).join(' > ') });
    },
  });
  for (const { pair, beside, path } of found) {
    const was = pair.value?.value ?? '';
    for (const value of others(pair.key.value, was, beside)) {
      if (pair.value !== null) pair.value.value = value;
      const commands = readCommands(new RuleNode(file, parseRules(file, document.toString({ lineWidth: 0 }))), family);
      yield {
        where: `${file}: ${path} ${pair.key.value}: ${was} -> ${value}`,
        commands,
        touched: path.split(' > ')[0]?.split(' ') ?? [],
      };
    }
    if (pair.value !== null) pair.value.value = was;
  }
}

for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
  test(file, () => {
    const alive: string[] = [];
    let killed = 0;
    for (const { where, commands, touched } of mutants(file)) {
      const judge = createJudge({ ...rules, commands: new Map([...rules.commands, ...commands]) }, '');
      const about = promises.filter(({ names }) => touched.some((name) => names.has(name)));
      if (about.some(({ program, verdict }) => told(judge.judge(program, null)) !== verdict)) killed++;
      else alive.push(where);
    }
    if (process.env['MUTANTS'] !== undefined) console.log(`${file}: ${killed} killed, ${alive.length} alive`);
    assert.equal(alive, []);
  });
}

test.run();
