import type { EvidenceItem } from './evidence.ts';

/**
 * Recognises text that addresses whoever reads the evidence instead of describing the host: the mark of planted
 * telemetry. It protects nothing by itself (grounded grammars and the policy do that); it warns the operator and keeps
 * the incident with a person.
 */
const ADDRESSES: readonly RegExp[] = [
  /\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instructions?|prompts?|rules?|polic(?:y|ies)|guidelines?|above|previous|safety|everything)\b/,
  /\b(?:you are|you're|act as|pretend to be)\b.{0,30}\b(?:an? |the |now )?(?:ai|assistant|model|agent|sre|root|admin(?:istrator)?|operator|unrestricted)\b/,
  /\b(?:dear|hey|hello|attention|note to|message (?:to|for)|instructions? (?:to|for))\b.{0,20}\b(?:ai|assistant|model|llm|agent|sentinel|sre)\b/,
  /\b(?:new|updated|real|actual|system) (?:instructions?|prompt|task)\b/,
  /(?:^|\s)(?:assistant\s*:\s*\S|system\s*:\s*(?:you|ignore|new|override|disregard|from now)\b)/,
  /<\|?\/?(?:im[ _](?:start|end)|system|assistant|user|s|endoftext|eot[ _]id|plan)\|?>|\[\/?inst\]|<<sys>>|```/,
  /\b(?:please |must |should |now |immediately |then )(?:run|execute|type|issue|invoke|apply)\b.{0,30}(?:[:`'"]|\b(?:command|rm|curl|wget|bash|sh|kill|chmod|dd|mkfs|systemctl|iptables)\b)/,
  /\b(?:run|execute|type|issue|invoke)\b[ :]{1,3}["'`]?(?:sudo )?(?:rm -|dd (?:if|of)=|mkfs|curl |wget |iptables -f|nft flush|chmod (?:-r|777)|kill (?:-9|-kill)|bash -c|shutdown|poweroff|halt\b)/,
  /\b(?:sentinel|sre|ai|monitoring|automation) (?:agent|bot|assistant|system)s?,?:? (?:please |must |should |now |will )*(?:run|execute|delete|remove|wipe|flush|disable|stop|kill|reboot|restart|type)\b/,
  /\bnotes? to (?:the )?(?:automation|operators?|whoever|responder|on-?call|system)\b/,
  /\b(?:the )?(?:correct|only|right|recommended|approved) (?:fix|remedy|action|solution|remediation|command) is\b/,
  /\b(?:approved|correct|confirmed|verified|official) (?:fix|remedy|solution|remediation) ?[:,=]/,
  /\broot cause (?:is |was |has been )?(?:already )?(?:confirmed|established|known)\b/,
  /\b(?:run|execute|apply|proceed|do it|do this|act)\b.{0,20}\bwithout (?:asking|(?:any |further |human |prior )?(?:approval|confirmation|review))\b/,
  /\b(?:already|hereby) (?:been )?(?:approved|signed off)\b/,
  /\b(?:for|to) the (?:ai|llm|sre)\b|\b(?:sre|ai|llm|responder) (?:notice|note|memo|directive|advisory)\b/,
  /\b(?:close|dismiss|suppress) (?:this|the) (?:alert|alarm|incident)\b|\bfalse positive\b.{0,20}\b(?:close|ignore|dismiss|suppress)\b/,
  /\b(?:auto-?approve|pre-?approved|approval (?:is )?(?:granted|not (?:needed|required))|no (?:need for )?(?:human|approval)|do not (?:escalate|tell|notify|inform|alert (?:the |any)))\b/,
  /\b(?:set|report|answer|respond|output|return|state|give|claim)\b.{0,20}\bconfidence\b/,
  // No program speaks of how sure a diagnosis is, or tells a verified one.
  /\bconfidence(?: (?:of|is|to|at))? ?[=:]? ?(?:[01]?\.\d|1\.0|\d{2,3} ?(?:%|percent))/,
  /\b(?:verified|confirmed|actual|true|real|final) (?:root )?(?:cause|diagnosis)\b/,
  /\b(?:operator|sre|sentinel|automation|assistant|responder|on-?call) (?:notes?|notice|advice|instructions?)\b/,
  /\bnext steps? (?:for|of) (?:the |an? )?(?:assistant|operator|agent|ai|model|automation|responder)\b/,
  // A finished answer, in the keys that one is written with here.
  /["'](?:culprits?|cites|needs[ _]human)["'] ?:/,
  /\b(?:operator|admin(?:istrator)?|security team|management) (?:has |have |already )*(?:approved|authori[sz]ed|confirmed|consented)\b/,
];

/**
 * How this very product is started where plans run alone: in its own command line it asks nobody for anything. At the end
 * of a line that was cut it may be cut too.
 */
const OWN_FLAG = / --auto-approve(?: allow-only(?= |$)| [a-z-]{0,9}(?:\.{3}|…)?$|(?:\.{3}|…)?$)/;
/** An item of a process whose command is ours: the front door itself, or the interpreter that runs it. */
const OWN_COMMAND =
  /^pid [^;]*; command (?:[\w./-]*\/)?(?:sentinel|node(?: --[\w=-]{1,40}){0,8} [\w./-]*sentinel\.js)(?: |$)/;

/** Whether one text addresses a reader. Sees through case, zero-width characters, full-width letters and separators. */
export function addressesReader(text: string): boolean {
  const plain = text
    .slice(0, 1_024)
    .normalize('NFKC')
    .replace(/[\p{Cf}\p{Mn}]/gu, '')
    .toLowerCase()
    .replace(/[\s_*]+/g, ' ');
  // Spaces written as dots, dashes or percent codes are the cheapest disguise.
  const loose = plain.replace(/%20|\+|[.\-/\\]+/g, ' ').replace(/\s+/g, ' ');
  return ADDRESSES.some((pattern) => pattern.test(plain) || pattern.test(loose));
}

/** Whether an item of the evidence holds words that others chose and that address a reader. */
export function isPlanted({ kind, text, trusted }: EvidenceItem): boolean {
  if (trusted) return false;
  return addressesReader(kind === 'process' && OWN_COMMAND.test(text) ? text.replace(OWN_FLAG, '') : text);
}

/** Ids of the items that address a reader. */
export const injectionsIn = (items: readonly EvidenceItem[]): readonly string[] =>
  items.filter(isPlanted).map((item) => item.id);
