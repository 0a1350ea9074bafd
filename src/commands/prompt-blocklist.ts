import type { SafetySettings } from '../settings.ts';

/**
 * Refuses prompts for what nobody should be given a picture or story of. It aims at sexual content with minors, at sexual content
 * without consent, and at instructions for mass harm; the owner adds words. It is a net for plain requests, not a judge.
 */

const minor =
  'child|children|kid|kids|minor|minors|underage|under age|preteen|pre teen|toddler|toddlers|infant|baby|babies|schoolgirl|schoolboy|school girl|school boy|little girl|little boy|young girl|young boy|teen|teens|teenager|teenagers|loli|lolita|shota|1[0-7] ?(?:year|years|yr|yo|y o)(?: old)?|[1-9] ?(?:year|years|yr|yo|y o)(?: old)?';
const sexual =
  'sex|sexual|sexy|sexually|nude|nudes|naked|nudity|topless|porn|porno|pornographic|erotic|erotica|nsfw|hentai|lewd|explicit|genital|genitals|penis|vagina|nipples|masturbat\\w*|orgasm|fellatio|blowjob|bdsm|fetish|lingerie|undress\\w*|seductive|aroused';

interface Rule {
  readonly pattern: RegExp;
  readonly reason: string;
  /** For pictures alone: words may stand near each other in an honest question. */
  readonly picturesOnly?: true;
}
const minorsReason = 'nothing sexual with children or young people, ever';
const word = (alternatives: string): string => `(?<![\\p{L}\\p{N}])(?:${alternatives})(?![\\p{L}\\p{N}])`;
const near = (left: string, right: string): RegExp => new RegExp(`${word(left)}[\\s\\S]{0,200}${word(right)}|${word(right)}[\\s\\S]{0,200}${word(left)}`, 'u');

const builtIn: readonly Rule[] = [
  {
    pattern: new RegExp(
      word('child porn\\w*|kiddie porn|cp porn|csam|pedo porn|paedo porn|jailbait|lolicon|shotacon|toddlercon|p[ae]+do(?:phil\\w*)? (?:porn|sex|art)'),
      'u',
    ),
    reason: minorsReason,
  },
  { pattern: near(minor, sexual), reason: minorsReason, picturesOnly: true },
  {
    pattern: new RegExp(
      word(
        '(?:revenge|deepfake|deep fake|non ?consensual|hidden cam|spy cam|upskirt) (?:porn|nudes?|sex|photos?|pictures?|images?|videos?)|nudify|undress (?:her|him|them|this (?:woman|man|girl|boy|person|photo|picture))|rape (?:porn|scene|fantasy|her|him)',
      ),
      'u',
    ),
    reason: 'nothing sexual without consent',
  },
  { pattern: near('rape|raped|raping|molest\\w*', `${sexual}|picture|photo|scene|image`), reason: 'nothing sexual without consent', picturesOnly: true },
  { pattern: near('bestiality|zoophilia|necrophilia', 'picture|image|porn|sex|scene|photo|draw|paint'), reason: 'no sexual abuse', picturesOnly: true },
];

const leet: Readonly<Record<string, string>> = { '0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't', '@': 'a', $: 's', '!': 'i', '|': 'i', '€': 'e' };

/** Why the prompt is refused, as part of a sentence; undefined where it is not. Pure. */
export function blockedReason(prompt: string, safety: SafetySettings, use: 'picture' | 'chat'): string | undefined {
  const forms = readings(prompt);
  if (safety.blocklist) {
    const rule = builtIn.find(({ pattern, picturesOnly }) => (use === 'picture' || picturesOnly !== true) && forms.some((form) => pattern.test(form)));
    if (rule !== undefined) return rule.reason;
  }
  const isOwners = safety.blockedWords.some((phrase) => forms.some((form) => ownerPattern(phrase).test(form)));
  return isOwners ? 'it has a word that the person who runs me does not want' : undefined;
}

/** The prompt as it reads plainly, with digits and signs for letters undone, and with letters s.p.a.c.e.d out drawn together. */
function readings(prompt: string): readonly string[] {
  const plain = prompt
    .normalize('NFKD')
    .replace(/[\p{Mn}\p{Cf}]/gu, '')
    .toLowerCase()
    .replace(/[_*~`]/g, '');
  const unleeted = plain.replace(/[^\s]*[a-z][^\s]*/gu, (token) =>
    /[a-z][^a-z\s]+[a-z]|^[0-9@$!|]+[a-z]|[a-z][0-9@$!|]+$/.test(token) ? token.replace(/[013457@$!|€]/g, (sign) => leet[sign] ?? sign) : token,
  );
  const joined = unleeted.replace(/(?<![\p{L}\p{N}])(?:\p{L}[\s.,\-+]){2,}\p{L}(?![\p{L}\p{N}])/gu, (run) => run.replace(/[\s.,\-+]/g, ''));
  return [...new Set([plain, unleeted, joined].map((form) => form.replace(/[-–—./,]+/g, ' ').replace(/\s+/g, ' ')))];
}

function ownerPattern(phrase: string): RegExp {
  const [reading = ''] = readings(phrase);
  const words = reading
    .trim()
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\s+/g, '\\s+');
  return new RegExp(word(words), 'u');
}
