/**
 * Tells a wish for a picture from talk about pictures, by rules: a small model can't tell, and a rule answers the same way each time.
 * English, German, French and Spanish wishes are known. Where it is not clear, it is talk: an answer is cheaper than a picture.
 */

const pictureNoun =
  'pictures?|pics?|images?|photos?|photographs?|paintings?|drawings?|illustrations?|sketch(?:es)?|artworks?|portraits?|wallpapers?|posters?|icons?|logos?|emojis?|stickers?|avatars?|watercolou?rs?|cartoons?|doodles?';
/** Says nothing about how it looks, so it needs not reach the painter. */
const plainNoun = 'pictures?|pics?|images?|drawings?|sketch(?:es)?|artworks?';
const linkWord = 'of|with|showing|that shows?|depicting|where|in which|featuring';
const adjectives =
  "(?:(?!(?:of|with|how|about|i|you|we|he|she|they|it|the|this|that|my|your|his|her|have|has|had|is|was|are|were|what|who|where|which|why|when|there|any|no)\\b)[\\w'-]+,? ){0,4}?";

const preamble = new RegExp(
  `^(?:${[
    'hey|hi|hello|hallo|hola|salut|bonjour|ok(?:ay)?|so|now|then|and|well|bitte|please|pls|por favor|stp|svp|fresco',
    'thanks?|thank you|great|nice|cool',
    '(?:can|could|would|will) (?:you|u|ya)(?: please| kindly| maybe)?',
    "i(?: would|'?d)? (?:like|love|want|need) (?:you|u) to",
    'i want you to|go ahead and|try to|let us|let.s|just|quickly|maybe|kindly',
  ].join('|')})[,!:.]?\\s+`,
  'i',
);
const ending =
  /(?:[,\s]+(?:please|pls|for me|for us|thanks|thank you|bitte|por favor|s'il te pla[iî]t|s'il vous pla[iî]t|stp|svp|if you can|if possible|now))+[\s.!?]*$/i;

/** "draw a conclusion" is no wish; neither is "draw it" alone, for there is nothing to paint. */
const figurative = new RegExp(
  `^(?:(?:an?|the|any|some|my|your|our|more|much) )?(?:${[
    'conclusions?|comparisons?|distinctions?|parallels?|inferences?|analog(?:y|ies)|contrasts?|lessons?|inspiration|attention|lots|straws?|blood|breath|breaths|fire|poker|strength|blanks?|bath|crowds?|salary|curtains?|blinds|lines? (?:between|at|somewhere)|short straw',
    'table|truth table|ascii|mermaid|svg|latex|tikz|uml|pseudo-?code|plan for|outline|proof|argument|budget|contract',
    'up|out|from|upon|back|near|nearer|close|closer|away|on|over|by|for|to|with|in|is|was|are|were|has|had|dries|dried|can|will|and|or|but|how|why|what|when|who|whether|if',
    'point|points|concept|idea|difference|importance',
  ].join('|')})\\b`,
  'i',
);
const pronounOnly =
  /^(?:it|this|that|them|those|these|one|him|her|something|anything|nothing|again|me|us|more|another|another one|one more)(?: again| now| too| better| for me)*[\s.!?]*$/i;
const textualArt = /\b(?:ascii|mermaid|svg|latex|tikz|plantuml|graphviz|in (?:html|css|python|javascript|code))\b/i;
const abstractRemainder =
  /^(?:how|why|what (?:is|are|was|were|it|would|happens|happened)|whether|life in|the (?:economy|situation|market|future of|state of))\b/i;
const finiteVerb =
  /(?<!\b(?:that|which|who|where|and) )\b(?:is|was|are|were|has|had|fell|hangs|hung|looks|looked|appears|appeared|got|gets|makes|made|won|sold|went|came|means|says|tells|doesn't|didn't|can't|won't|wouldn't)\b/i;

interface Rule {
  readonly pattern: RegExp;
  /** The words for the painter, from the match's groups. */
  readonly prompt: (groups: Record<string, string>) => string;
  /** A statement that goes on after the picture is talk about it. */
  readonly refusesStatements?: true;
}

const rest = ({ rest: words = '' }: Record<string, string>): string => words;
const withNoun = ({ look = '', noun = '', link = '', rest: words = '' }: Record<string, string>): string =>
  look.trim() === '' && new RegExp(`^(?:${plainNoun})$`, 'i').test(noun)
    ? `${/^of|^showing|^that|^depicting|^where|^in|^featuring/i.test(link) ? '' : `${link} `}${words}`
    : `${look}${noun} ${link} ${words}`;

const rules: readonly Rule[] = [
  { pattern: /^\/?imagine\s*:\s*(?<rest>.+)$/is, prompt: rest },
  { pattern: /^\/(?:imagine|paint|draw)\s+(?<rest>.+)$/is, prompt: rest },
  // "draw me a picture of a fox", "make a watercolour of a fox", "I need a photo of a fox"
  {
    pattern: new RegExp(
      `^(?:(?:draw|paint|sketch|doodle|illustrate|make|create|generate|produce|render|design|show|give|send|get|bring|do)(?: up)?(?: me| us)?(?: please)?|i(?:'d| would)? ?(?:want|need|like|love)(?: to (?:see|have|get))?|(?:can|could|may) (?:i|we) (?:get|have|see)(?: please)?) (?:(?:an?|the|one|some|another|\\w+ more|(?:two|three|four|five|\\d)) )?(?<look>${adjectives})(?<noun>${pictureNoun}) (?<link>${linkWord}) (?<rest>.+)$`,
      'is',
    ),
    prompt: withNoun,
  },
  // "draw me a fox"
  { pattern: /^(?:draw|paint|sketch|doodle|illustrate)(?: me| us| for me)? (?<rest>.+)$/is, prompt: rest },
  // "a picture of a fox"
  {
    pattern: new RegExp(`^(?:(?:an?|one|another) )?(?<look>${adjectives})(?<noun>${pictureNoun}) (?<link>of|showing|depicting) (?<rest>.+)$`, 'is'),
    prompt: withNoun,
    refusesStatements: true,
  },
  // German
  {
    pattern:
      /^(?:zeichne|male?|skizziere)(?:t|n sie)? (?:(?:mir|uns|doch|bitte|mal) )*(?:(?:ein )?bild (?:von|mit) )?(?<rest>(?:ein(?:e[nmrs]?)?|de[rnm]|die|das|zwei|drei|vier|fünf|\d)\b.+)$/is,
    prompt: rest,
  },
  {
    pattern: /^(?:kannst|könntest|würdest) du (?:(?:mir|uns|bitte|mal) )*(?:(?:ein )?bild (?:von|mit) )?(?<rest>.+?) (?:malen|zeichnen|skizzieren)[\s.!?]*$/is,
    prompt: rest,
  },
  {
    pattern:
      /^(?:(?:erstelle?|mach|mache|generiere|erzeuge|zeig|zeige|ich (?:will|möchte|hätte gern|brauche)) )?(?:(?:mir|uns|bitte) )*ein bild (?:von|mit) (?<rest>.+)$/is,
    prompt: rest,
    refusesStatements: true,
  },
  // French
  {
    pattern:
      /^(?:dessine|dessinez|peins|peignez)(?:[- ](?:moi|nous))? (?:(?:une? (?:image|dessin|tableau) (?:de|d'|avec)) ?)?(?<rest>(?:une?|des|le|la|les|l'|deux|trois|du)\b ?.+)$/is,
    prompt: rest,
  },
  { pattern: /^(?:peux-tu|pouvez-vous|tu peux|pourrais-tu) (?:(?:me|nous|m') ?)?(?:dessiner|peindre) (?<rest>.+?)[\s.!?]*$/is, prompt: rest },
  {
    pattern:
      /^(?:(?:fais|faites|crée|créez|génère|montre)(?:[- ]moi)? |je (?:veux|voudrais) )?une (?:image|photo|peinture|illustration) (?:de |d')(?<rest>.+)$/is,
    prompt: rest,
    refusesStatements: true,
  },
  // Spanish
  {
    pattern:
      /^(?:dib[uú]ja(?:me|nos)?|p[ií]nta(?:me|nos)?) (?:una? (?:imagen|dibujo|cuadro) (?:de|con) )?(?<rest>(?:una?|unos|unas|el|la|los|las|dos|tres)\b.+)$/is,
    prompt: rest,
  },
  { pattern: /^(?:¿ ?)?(?:puedes|podrías|me puedes) (?:dibujar|pintar)(?:me|nos)? (?<rest>.+?)[\s.!?]*$/is, prompt: rest },
  {
    pattern: /^(?:(?:haz(?:me)?|crea(?:me)?|genera(?:me)?|quiero|muéstrame) )?una (?:imagen|foto|ilustración) de (?<rest>.+)$/is,
    prompt: rest,
    refusesStatements: true,
  },
];

/** The words to paint where `text` wishes for a picture; undefined where it is talk. Pure. */
export function drawWish(text: string): string | undefined {
  const wish = withoutPreamble(text.trim());
  for (const { pattern, prompt, refusesStatements } of rules) {
    const groups = pattern.exec(wish)?.groups;
    if (groups === undefined) continue;
    const words = withoutEnding(prompt(groups));
    if (words === '' || figurative.test(words) || pronounOnly.test(words) || abstractRemainder.test(words) || textualArt.test(wish)) return undefined;
    if (refusesStatements === true && (finiteVerb.test(words) || /\?\s*$/.test(wish))) return undefined;
    return words;
  }
  return undefined;
}

function withoutPreamble(text: string): string {
  let left = text.replace(/^<@!?\w+>\s*/, '').replace(/[’‘]/g, "'");
  for (let round = 0; round < 5; round += 1) {
    const next = left.replace(preamble, '');
    if (next === left) break;
    left = next;
  }
  return left;
}

function withoutEnding(words: string): string {
  return words
    .trim()
    .replace(ending, '')
    .replace(/[\s?!]+$/, '')
    .replace(/(?<!\.)\.$/, '')
    .trim();
}
