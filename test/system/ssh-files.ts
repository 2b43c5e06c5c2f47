/** The forms in which ssh-keygen reads a signature and a key (openssh, PROTOCOL.sshsig and RFC 4253 section 6.6). */
const KEY_TYPE = 'ssh-ed25519';

export function armor(blob: Uint8Array): string {
  const lines =
    Buffer.from(blob)
      .toString('base64')
      .match(/.{1,70}/g) ?? [];
  return ['-----BEGIN SSH SIGNATURE-----', ...lines, '-----END SSH SIGNATURE-----', ''].join('\n');
}

/** A key as a line of an allowed_signers file. */
export function sshPublicKey(publicKey: Uint8Array): string {
  const part = (body: Uint8Array) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(body.length);
    return Buffer.concat([head, body]);
  };
  return `${KEY_TYPE} ${Buffer.concat([part(Buffer.from(KEY_TYPE)), part(publicKey)]).toString('base64')}`;
}
