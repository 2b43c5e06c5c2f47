/**
 * Reads JSON that may hold a secret. Throws SyntaxError without the text that JSON.parse quotes in its own: a password one
 * comma away from a mistake would stand in a log.
 */
export function parsePrivateJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SyntaxError('it is not JSON: look for a missing comma, brace or quote');
  }
}

/**
 * A replacer for JSON.stringify: bytes become base64. Buffers have turned themselves into {type, data} before a replacer
 * sees them, so that form counts as bytes too.
 */
export function bytesAsBase64(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  const isBuffer =
    typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value;
  return isBuffer && Array.isArray(value.data) ? Buffer.from(value.data).toString('base64') : value;
}
