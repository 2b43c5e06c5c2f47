import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { Lines } from '../logs/lines.ts';
import { parseSample, parseType, type Selector, selects } from './text-format.ts';

/** A large exporter's page is 1 MiB; what is beyond this is not read, and the answer is refused. */
const MAX_BODY = 8 * 1_048_576;
/** Types that are remembered from a page: those of wanted names alone. */
const COUNTING = new Set(['counter', 'histogram', 'summary']);
/** What only grows, where the page does not say: by the naming rules that exporters follow. */
const GROWS = /_(?:total|count|sum|bucket)$/;

/** The sum over all samples that a selector means. */
export interface Scraped {
  readonly selector: Selector;
  /** Null where the page has no such metric. */
  readonly value: number | null;
  /** It only grows: its rate is what tells. */
  readonly counter: boolean;
}

/**
 * Reads the wanted metrics of one page, line by line: nothing else of it is kept. No redirect is followed, and no
 * address but the configured one is spoken to. Rejects with what went wrong.
 */
export async function scrape(url: string, wanted: readonly Selector[], signal: AbortSignal): Promise<Scraped[]> {
  const sums = wanted.map((): number | null => null);
  const names = new Set(wanted.map(({ name }) => name));
  const types = new Map<string, string>();
  const hear = (line: Buffer): void => {
    const text = line.toString('utf8');
    if (text.startsWith('#')) {
      const said = parseType(text);
      if (said !== null && names.has(said.name)) types.set(said.name, said.type);
      return;
    }
    const sample = parseSample(text);
    if (sample === null || !names.has(sample.name)) return;
    for (const [i, selector] of wanted.entries()) {
      if (selects(selector, sample)) sums[i] = (sums[i] ?? 0) + sample.value;
    }
  };
  const lines = new Lines();
  let size = 0;
  for await (const chunk of await request(url, signal)) {
    size += chunk.length;
    if (size > MAX_BODY) throw new Error(`answers with over ${MAX_BODY} bytes`);
    lines.feed(chunk, hear);
  }
  hear(lines.take());
  return wanted.map((selector, i) => ({
    selector,
    value: sums[i] ?? null,
    counter: isCounter(selector, types.get(selector.name)),
  }));
}

/** A summary's quantiles are no counters, though its `_sum` and `_count` are. */
const isCounter = ({ name }: Selector, type: string | undefined): boolean =>
  type === undefined ? GROWS.test(name) : COUNTING.has(type) && (type === 'counter' || GROWS.test(name));

async function request(url: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
  const get = url.startsWith('https:') ? getHttps : getHttp;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = get(url, { signal, agent: false, headers: { accept: 'text/plain;version=0.0.4' } }, resolve);
    asked.once('error', reject);
  });
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`answers ${response.statusCode}`);
  }
  return response;
}
