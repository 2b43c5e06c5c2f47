/**
 * Secrets that show what they are, whatever stands before them: keys in PEM, tokens with a service's prefix, password
 * hashes, passwords inside addresses and in the sentences that tools write. Every pattern is linear: none has a
 * repetition within a repetition, each is bounded, and none can begin in the middle of what it takes.
 */
export const MASK = '[redacted]';

type Rule = readonly [RegExp, string | ((...parts: string[]) => string)];

/** Prefixes that services give their tokens so that they can be found. */
const PREFIXED = [
  // Our own: who has a host's join token before the host may join in its name.
  'sentinel-join-1\\.[\\w-]{16,1024}',
  'gh[pousr]_[A-Za-z0-9]{16,255}',
  'github_pat_\\w{20,255}',
  'gl(?:pat|rt|dt|ft|ptt|soat|cbt|imt|agent)-[\\w.-]{16,255}',
  'xox[abceoprs]-[\\w-]{10,255}',
  'xapp-[\\w-]{10,255}',
  'sk-(?:proj-|ant-|svcacct-)?(?=[\\w-]{0,200}\\d)[\\w-]{20,255}',
  '[srp]k_(?:live|test)_[A-Za-z0-9]{10,255}',
  'whsec_[A-Za-z0-9+/=]{16,255}',
  'SG\\.[\\w-]{16,64}\\.[\\w-]{16,128}',
  'npm_[A-Za-z0-9]{30,64}',
  'pypi-[\\w-]{40,255}',
  'hf_[A-Za-z0-9]{24,64}',
  'do[opr]_v1_[0-9a-f]{32,128}',
  'hv[sbr]\\.[\\w-]{16,255}',
  'gl(?:sa|c)_[\\w=-]{20,255}',
  'AIza[\\w-]{30,64}',
  'ya29\\.[\\w-]{20,512}',
  'dckr_(?:pat|oat)_[\\w-]{16,64}',
  'shp(?:at|ss|ca|pa)_[0-9a-fA-F]{24,64}',
  'tskey-[\\w-]{16,128}',
  'AGE-SECRET-KEY-1[0-9A-Z]{40,80}',
  '(?:AKIA|ASIA|AROA|AIDA|ANPA)[A-Z0-9]{16}(?![A-Za-z0-9])',
  'eyJ[\\w-]{8,4096}\\.[\\w.-]{8,4096}',
].join('|');

/** Said of a password without being one: `password for bob`, `password authentication`, `password changed`. */
const isSaid = (word: string): boolean => !/[\d!#%^*+?$@]/.test(word);

export const SHAPES: readonly Rule[] = [
  [
    /(-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----)[\s\S]*?(-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g,
    `$1${MASK}$2`,
  ],
  [new RegExp(`(?<![\\w-])(?:${PREFIXED})`, 'g'), MASK],
  [/\$(?:1|2[abxy]?|5|6|7|y|gy|apr1|sha1|argon2(?:id?|d)|scrypt|pbkdf2-\w{1,16})\$[\w./$=,+-]{16,256}/g, MASK],
  // scheme://user:password@ keeps the user, who is a clue; a lone long user is a token.
  [/(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,30}:\/\/[^\s/@:'"]{0,128}:)[^\s/]{1,256}@/gi, `$1${MASK}@`],
  [/(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@:'"]{20,512}@/gi, `$1${MASK}@`],
  [
    /(?<![\w.-])([\w.-]{1,64}:)([^\s@:/'"]{4,128})(@(?!sha\d)[\w.-]{1,128})/g,
    (whole, user, secret, rest) => (/\d/.test(secret) && /[a-z]/i.test(secret) ? `${user}${MASK}${rest}` : whole),
  ],
  // Addresses that are secrets themselves: who has them may post.
  [/(\/\/hooks\.slack\.com\/(?:services|workflows)\/)[\w/-]{10,200}/g, `$1${MASK}`],
  [/(\/api\/webhooks\/\d{5,25}\/)[\w-]{20,200}/g, `$1${MASK}`],
  [/(\/bot)\d{6,12}:[\w-]{30,64}/g, `$1${MASK}`],
  [/\b(bearer|basic)([ \t]{1,4})(?=[\w.~+/=-]{0,512}\d)([\w.~+/=-]{16,4096})/gi, `$1$2${MASK}`],
  // Elements and settings of XML.
  [/(<[\w:.-]{0,40}(?:password|passwd|passphrase|secret|token|apikey)[\w-]{0,10}>)[^<]{1,512}/gi, `$1${MASK}`],
  [
    /((?:key|name)=["'][\w:.-]{0,60}(?:password|passwd|passphrase|secret|token|apikey)["'] {1,4}value=)("[^"]{1,512}|'[^']{1,512})/gi,
    `$1"${MASK}`,
  ],
  // SQL, and what else names no `=`.
  [/\b(identified[ \t]{1,4}(?:by|with \w{1,40} (?:by|as))[ \t]{1,4})'[^']{0,512}'?/gi, `$1${MASK}`],
  [/\b(password[ \t]{1,4})'[^']{0,512}'?/gi, `$1${MASK}`],
  [/\b(password[ \t]{1,4})"[^"]{0,512}"?/gi, `$1${MASK}`],
  [/\b(pragma[ \t]{1,4}(?:hex)?(?:re)?key[ \t]{0,4}=[ \t]{0,4})\S{1,512}/gi, `$1${MASK}`],
  [/\b(sp_addlogin[ \t]{1,4}'[^']{0,128}',[ \t]{0,4})'[^']{0,512}'?/gi, `$1${MASK}`],
  [/\b(r[ow]community6?[ \t]{1,4})\S{1,128}/gi, `$1${MASK}`],
  [/\b(pass(?:in|out)?[ \t=]{1,2}pass:|(?<![\w-])pass:(?=\S))\S{1,256}/gi, `$1${MASK}`],
  [
    /\b((?:password|passwd|passphrase|passcode|secret|psk|pin)(?: for [^\s:]{1,80})?(?: is|:| was)[ \t]{1,4})(\S{4,256})/gi,
    (whole, before, word) => (isSaid(word) && !/["']/.test(word) ? whole : `${before}${MASK}`),
  ],
  [
    /\b((?:password|passwd|passphrase|secret)[ \t]{1,4})(\S{6,128})/gi,
    (whole, before, word) => (isSaid(word) || /^[([]/.test(word) ? whole : `${before}${MASK}`),
  ],
  [/\b(echo[ \t]{1,4}(?:-n[ \t]{1,4})?)(\S{1,256})([ \t]{0,4}\|[ \t]{0,4}sudo[ \t]{1,4}-S)/g, `$1${MASK}$3`],
];
