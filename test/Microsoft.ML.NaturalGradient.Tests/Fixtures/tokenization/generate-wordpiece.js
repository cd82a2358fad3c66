// Writes reference.jsonl with the Rust implementation of Hugging Face tokenizers (npm install tokenizers@0.23.2).
// Usage: node generate.js <folder with the tokenizer.json of bert-base-uncased> > reference.jsonl
const fs = require('fs');
const path = require('path');
const { Tokenizer } = require('tokenizers');

const definition = JSON.parse(fs.readFileSync(path.join(process.argv[2], 'tokenizer.json'), 'utf8'));
definition.truncation = null;
definition.padding = null;

function tokenizer(lower, strip, chinese) {
  definition.normalizer = { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: chinese, strip_accents: strip, lowercase: lower };
  return Tokenizer.fromString(JSON.stringify(definition));
}

const ascii = row => JSON.stringify(row).replace(/[\u007f-\uffff]/g, c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));

async function write(kind, encoder, settings, text, pair, maxLength) {
  if (maxLength) {
    encoder.setTruncation(maxLength, { strategy: 'LongestFirst' });
  } else {
    encoder.disableTruncation();
  }
  const encoding = await encoder.encode(text, pair);
  const row = { kind, ...settings, text, pair, max_length: maxLength ?? null, ids: encoding.getIds(), type_ids: encoding.getTypeIds() };
  process.stdout.write(ascii(row) + '\n');
}


const ranges = [
  [0x20, 0x7e], [0x20, 0x7e], [0x61, 0x7a], [0x61, 0x7a], [0x00, 0x1f], [0x80, 0xff], [0x100, 0x24f], [0x300, 0x36f], [0x370, 0x3ff], [0x400, 0x45f],
  [0x5d0, 0x5ea], [0x620, 0x652], [0x905, 0x94d], [0xe01, 0xe4e], [0x1e00, 0x1eff], [0x1f00, 0x1fb4], [0x2000, 0x206f], [0x20a0, 0x20b9], [0x2190, 0x22ff],
  [0x3000, 0x30ff], [0x3400, 0x3420], [0x4e00, 0x4f00], [0xac00, 0xad00], [0xe000, 0xe010], [0xf900, 0xf920], [0xff00, 0xff60], [0xfff9, 0xfffd],
  [0x1d400, 0x1d440], [0x1f300, 0x1f64f], [0x20000, 0x20010], [0x2f800, 0x2f810],
];
const words = ['the', 'running', 'Unaffable', '[MASK]', '[SEP]', '[sep]', ' ', ' ', '\n', '12.5', 'don\'t', 'CAF\u00c9', 'e\u0301'];
const { next, randomText } = require('./random-texts')(20240229, 14, ranges, words);

(async () => {
  const standard = { lower: true, strip: null, chinese: true };
  const uncased = tokenizer(true, null, true);
  const numbers = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];
  for (const first of [0, 1, 3, 4, 7, 8]) {
    for (const second of [0, 1, 3, 4, 7, 8]) {
      for (const maxLength of [3, 4, 5, 6, 7, 8, 10, 11, 14]) {
        await write('pair', uncased, standard, numbers.slice(0, first).join(' '), numbers.slice(0, second).join(' '), maxLength);
      }
    }
  }
  for (const [text, pair] of [
    ['unaffable unaffable', 'word'], ['[SEP] one two', 'three [CLS] four'], ['a[MASK]b[PAD]c[UNK]', null], ['[[CLS]]', null], ['[cls] [Mask] [ MASK ]', null],
    ['[MASK][MASK]', '[MASK'], ['caf\u00e9[SEP]\u0301x', null], ['[MAS\u0301K]', null], ['[PAD]', '[PAD]'],
  ]) {
    await write('special', uncased, standard, text, pair, 512);
    await write('special', uncased, standard, text, pair, 6);
  }
  const samples = [
    'Caf\u00e9 R\u00e9sum\u00e9', '\u0130stanbul \u0131', '\u03a3\u0391\u03a3 \u03bf\u03b4\u03cc\u03c2', '\u4f60\u597d world', 'abc\u4e2ddef', '\uf900\u{2f800}', '\u00c5\u212b \ufb01ne',
    '\u1e9e\u00df', '\u01c5 \u01c4', '\uac01\uac02', '\u0e01\u0e33', 'e\u0301\u0323 \u0344', 'x\u200dy\u00adz\ufeff', 'tab\tnew\nline\u000bvt\u0085nel\u2028ls\u3000id',
    '$5 + 3 = 8 < 9 ^ ` | ~', '\u20ac5 \u00a35 \u00a9 \u2122', '\u{1f600}ok \u{1f468}\u200d\u{1f469}', '\u2026\u2014\u00ab\u00bb\u3002\uff01', '_under_score_', 'A1b2-C3',
    'x'.repeat(100), 'x'.repeat(101), 'a\ufffeb \ufffdc\u0000d', '\u0391\u0345 \u1fb3',
  ];
  for (const lower of [true, false]) {
    for (const strip of [null, true, false]) {
      for (const chinese of [true, false]) {
        const encoder = tokenizer(lower, strip, chinese);
        for (const text of samples) await write('settings', encoder, { lower, strip, chinese }, text, null, null);
      }
    }
  }
  const cased = tokenizer(false, null, true);
  for (let n = 0; n < 200; n++) {
    const text = randomText();
    await write('random', uncased, standard, text, null, null);
    await write('random', cased, { lower: false, strip: null, chinese: true }, text, null, null);
    await write('random', uncased, standard, text, randomText(), 16 + next(8));
  }
})();
