import { isScalar } from 'yaml';
import { MAX_SELECTORS, parseSelector, type Selector } from '../sense/scrape/text-format.ts';
import type { Reader } from './reader.ts';
import { namedList } from './section.ts';

/** A Prometheus text endpoint, and which of its metrics are wanted. */
export interface WatchedEndpoint {
  readonly name: string;
  readonly url: string;
  readonly metrics: readonly Selector[];
}

/** Each is a request every half minute. */
export const MAX_ENDPOINTS = 8;
const MAX_URL = 512;

export const endpointsSection = namedList<WatchedEndpoint>({
  name: 'endpoints',
  max: MAX_ENDPOINTS,
  read: (reader, node) => {
    const map = reader.map(node, 'an endpoint', ['name', 'url', 'metrics']);
    const metrics = map.get('metrics', true);
    if (metrics === undefined) reader.fail(map, 'has no metrics', 'list the names that are wanted');
    return {
      name: reader.name(map),
      url: readUrl(reader, map.get('url', true)),
      metrics: reader.list(metrics, 'metrics', MAX_SELECTORS).map((item) => {
        const selector = isScalar(item) && typeof item.value === 'string' ? parseSelector(item.value) : null;
        return selector ?? reader.fail(item, 'a metric is no name', 'give `name` or `\'name{label="value"}\'`');
      }),
    };
  },
});

function readUrl(reader: Reader, node: unknown): string {
  const text = isScalar(node) && typeof node.value === 'string' && node.value.length <= MAX_URL ? node.value : '';
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
    return reader.fail(node, 'url is no plain http address', 'give `url: http://127.0.0.1:9100/metrics`');
  }
  return url.href;
}
