/** Names and addresses of machines: this one, the site's, and the rest of the world. */

/** This machine itself. */
export function isLocalHost(host: string): boolean {
  return /^(?:localhost|ip6-localhost|127(?:\.\d{1,3}){3}|::1|0\.0\.0\.0)$/i.test(host);
}

/**
 * Where no inventory says which hosts are configured: a private address, a single label or a name under a domain that
 * only a site's own DNS answers counts as configured. A public name or address never does (invariant 11).
 */
export function isSiteHost(host: string): boolean {
  if (/^\d+(?:\.\d+){3}$/.test(host)) {
    return /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.(?!169\.254))/.test(host);
  }
  if (host.includes(':')) return /^f(?:[cd]|e80)/i.test(host);
  if (!host.includes('.')) return /[a-z]/i.test(host) && !/^0x/i.test(host);
  return /\.(?:local|internal|intranet|lan|home\.arpa|corp|plant|localdomain|svc|cluster\.local)\.?$/i.test(host);
}

/** The host of an http(s) URL that passed its character set. */
export function urlHost(url: string): string {
  return url.replace(/^https?:\/\//, '').replace(/[:/].*$/s, '');
}
