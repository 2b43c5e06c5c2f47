/** Names and addresses of machines: this one, the site's, and the rest of the world. */

/** `db01:5432` is a place at db01: a name or an IPv4 address with a port. */
const withoutPort = (host: string): string => host.replace(/^([^:]+):\d{1,5}$/, '$1');

/** This machine itself. */
export function isLocalHost(place: string): boolean {
  const host = withoutPort(place);
  return /^(?:localhost|ip6-localhost|127(?:\.\d{1,3}){3}|::1|0\.0\.0\.0)$/i.test(host);
}

/**
 * Where no inventory says which hosts are configured: a private address, a single label or a name under a domain that
 * only a site's own DNS answers counts as configured. A public name or address never does (invariant 11).
 */
export function isSiteHost(place: string): boolean {
  const host = withoutPort(place);
  // The clouds' own names for what hands out credentials.
  if (/^(?:metadata|instance-data)(?:\.|$)/i.test(host)) return false;
  if (/^\d+(?:\.\d+){3}$/.test(host)) {
    return /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)/.test(host);
  }
  if (host.includes(':')) return /^f(?:[cd]|e80)/i.test(host);
  if (!host.includes('.')) return /[a-z]/i.test(host) && !/^0x/i.test(host);
  return /\.(?:local|internal|intranet|lan|home\.arpa|corp|plant|localdomain|svc|cluster\.local)\.?$/i.test(host);
}

/** The host of an http(s) URL that passed its character set. */
export function urlHost(url: string): string {
  return url.replace(/^https?:\/\//, '').replace(/[:/].*$/s, '');
}
