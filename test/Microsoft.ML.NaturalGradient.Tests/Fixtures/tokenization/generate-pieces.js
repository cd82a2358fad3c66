// Writes bpe/vocab.json, bpe/merges.txt, definitions.json and pieces.jsonl with the Rust implementation of Hugging Face tokenizers
// (npm install tokenizers@0.23.2).
// Usage: node generate-pieces.js <merges.txt of GPT-2> <tokenizer.json of unigram/spiece.model>; run in this folder.
const fs = require('fs');
const { Tokenizer } = require('tokenizers');

// The vocabularies: bytes and the first 1,500 merges of GPT-2 with RoBERTa's special tokens; the fixture's unigram pieces.
const printable = b => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || (b >= 174 && b <= 255);
const letters = [];
for (let b = 0, other = 256; b < 256; b++) letters.push(String.fromCharCode(printable(b) ? b : other++));
const merges = fs.readFileSync(process.argv[2], 'utf8').split('\n').slice(1, 1501);
const bpe = {};
for (const piece of ['<s>', '<pad>', '</s>', '<unk>', ...letters, ...merges.map(m => m.replace(' ', '')), '<mask>']) bpe[piece] = Object.keys(bpe).length;
fs.writeFileSync('bpe/vocab.json', JSON.stringify(bpe));
fs.writeFileSync('bpe/merges.txt', '#version: 0.2\n' + merges.join('\n') + '\n');
const source = JSON.parse(fs.readFileSync(process.argv[3], 'utf8'));
const pieces = source.model.vocab.slice(3);
const charsmap = source.normalizer.normalizers[0].precompiled_charsmap;

const zero = names => names.map(name => [name, 0]);
const hex = n => n.toString(16).toUpperCase().padStart(2, '0');
const unigrams = {
  t5: [...zero(['<pad>', '</s>', '<unk>']), ...pieces, ...zero([...Array(100).keys()].reverse().map(n => `<extra_id_${n}>`))],
  xlmr: [...zero(['<s>', '<pad>', '</s>', '<unk>']), ...pieces, ...zero(['<mask>'])],
  albert: [...zero(['<pad>', '<unk>', '[CLS]', '[SEP]', '[MASK]']), ...pieces.map(([p, s]) => [p, /\p{Nd},$/u.test(p) ? s - 100 : s])],
  deberta: [...zero(['[PAD]', '[CLS]', '[SEP]', '[UNK]']), ...pieces],
  bytes: [...zero(['<pad>', '</s>', '<unk>']), ...pieces, ...[...Array(256).keys()].map(n => [`<0x${hex(n)}>`, -50])],
};

// Definitions without vocabularies, which the tests put in again.
const added = (content, id, more) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...more });
const definition = (added_tokens, normalizer, pre_tokenizer, post_processor, model) =>
  ({ version: '1.0', truncation: null, padding: null, added_tokens, normalizer, pre_tokenizer, post_processor, decoder: null, model });
const template = (single, pair, ids) => {
  const parts = text => text.split(' ').map(part => {
    const [name, type] = part.split(':');
    return name.length === 1 ? { Sequence: { id: name, type_id: +type } } : { SpecialToken: { id: name, type_id: +type } };
  });
  const special_tokens = Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, { id: name, ids: [id], tokens: [name] }]));
  return { type: 'TemplateProcessing', single: parts(single), pair: parts(pair), special_tokens };
};
const byteLevel = add_prefix_space => ({ type: 'ByteLevel', add_prefix_space, trim_offsets: true, use_regex: true });
const bpeModel = { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: '', end_of_word_suffix: '', fuse_unk: false, byte_fallback: false, ignore_merges: false };
const metaspace = prepend_scheme => ({ type: 'Metaspace', replacement: '\u2581', prepend_scheme, split: true });
const unigram = (vocabulary, unk_id, byte_fallback = false) => ({ type: 'Unigram', unk_id, byte_fallback, vocabulary });
const map = { type: 'Precompiled', precompiled_charsmap: null };
const replace = (pattern, content) => ({ type: 'Replace', pattern, content });
const sequence = (...normalizers) => ({ type: 'Sequence', normalizers });
const trimmed = sequence(map, { type: 'Strip', strip_left: false, strip_right: true }, replace({ Regex: ' {2,}' }, '\u2581'));
const lastBpe = Object.keys(bpe).length;
const robertaTokens = [added('<s>', 0, { normalized: true }), added('<pad>', 1, { normalized: true }), added('</s>', 2, { normalized: true }),
  added('<unk>', 3, { normalized: true }), added('<mask>', lastBpe - 1, { lstrip: true })];
const roberta = { type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 0], trim_offsets: true, add_prefix_space: false };
const t5Tokens = [added('<pad>', 0), added('</s>', 1), added('<unk>', 2),
  ...unigrams.t5.map(([name], id) => added(name, id)).filter(token => token.content.startsWith('<extra_id_'))];
const t5 = template('A:0 </s>:0', 'A:0 </s>:0 B:0 </s>:0', { '</s>': 1 });
const xlmrTokens = [added('<s>', 0), added('<pad>', 1), added('</s>', 2), added('<unk>', 3), added('<mask>', unigrams.xlmr.length - 1, { lstrip: true })];
const xlmr = template('<s>:0 A:0 </s>:0', '<s>:0 A:0 </s>:0 </s>:0 B:0 </s>:0', { '<s>': 0, '</s>': 2 });
const bert = ids => template('[CLS]:0 A:0 [SEP]:0', '[CLS]:0 A:0 [SEP]:0 B:1 [SEP]:1', ids);
const definitions = {
  'bpe-roberta': definition(robertaTokens, null, byteLevel(false), roberta, bpeModel),
  'bpe-roberta-space': definition(robertaTokens, null, byteLevel(true), roberta, bpeModel),
  'bpe-modernbert': definition(
    [added('<s>', 0), added('<pad>', 1), added('   ', lastBpe, { normalized: true, special: false }), added('      ', lastBpe + 1, { normalized: true, special: false }),
      added('|||EMAIL|||', lastBpe + 2, { normalized: true, special: false }), added('caf\u00e9x', lastBpe + 3, { normalized: true, special: false }),
      added('[UNK]', lastBpe + 4), added('[CLS]', lastBpe + 5), added('[SEP]', lastBpe + 6), added('[PAD]', lastBpe + 7),
      added('[MASK]', lastBpe + 8, { lstrip: true }), added('[END]', lastBpe + 9, { rstrip: true })],
    { type: 'NFC' }, byteLevel(false), bert({ '[CLS]': lastBpe + 5, '[SEP]': lastBpe + 6 }), bpeModel),
  'unigram-t5': definition(t5Tokens, trimmed, metaspace('always'), t5, unigram('t5', 2)),
  'unigram-t5-first': definition(t5Tokens, trimmed, metaspace('first'), t5, unigram('t5', 2)),
  'unigram-bytes': definition(t5Tokens.slice(0, 3), trimmed, metaspace('always'), t5, unigram('bytes', 2, true)),
  'unigram-xlmr': definition(xlmrTokens, trimmed, metaspace('always'), xlmr, unigram('xlmr', 3)),
  'unigram-xlmr-words': definition(xlmrTokens, sequence(map), { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, metaspace('always')] }, xlmr, unigram('xlmr', 3)),
  'unigram-albert': definition([added('<pad>', 0), added('<unk>', 1), added('[CLS]', 2), added('[SEP]', 3), added('[MASK]', 4, { lstrip: true })],
    sequence(replace({ String: '``' }, '"'), replace({ String: "''" }, '"'), { type: 'NFKD' }, { type: 'StripAccents' }, { type: 'Lowercase' }, map, replace({ Regex: ' {2,}' }, ' ')),
    metaspace('always'), bert({ '[CLS]': 2, '[SEP]': 3 }), unigram('albert', 1)),
  'unigram-deberta': definition([added('[PAD]', 0), added('[CLS]', 1), added('[SEP]', 2), added('[UNK]', 3), added('[MASK]', unigrams.deberta.length)],
    sequence({ type: 'Strip', strip_left: true, strip_right: true }, map, replace({ Regex: ' {2,}' }, ' ')),
    { type: 'Sequence', pretokenizers: [metaspace('always')] }, bert({ '[CLS]': 1, '[SEP]': 2 }), unigram('deberta', 3)),
};
fs.writeFileSync('definitions.json', ascii(definitions, 1));

function ascii(value, indent) {
  return JSON.stringify(value, null, indent).replace(/[\u007f-\uffff]/g, c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
}

const tokenizers = Object.entries(definitions).map(([name, value]) => {
  const full = JSON.parse(JSON.stringify(value), (key, part) => key === 'precompiled_charsmap' ? charsmap : part);
  if (full.model.type === 'BPE') {
    full.model.vocab = bpe;
    full.model.merges = merges;
  } else {
    full.model.vocab = unigrams[full.model.vocabulary];
    delete full.model.vocabulary;
  }
  return [name, Tokenizer.fromString(JSON.stringify(full))];
});

async function write(row, text, pair, maxLength) {
  for (const [name, tokenizer] of tokenizers) {
    if (maxLength) tokenizer.setTruncation(maxLength, { strategy: 'LongestFirst' }); else tokenizer.disableTruncation();
    const encoding = await tokenizer.encode(text, pair);
    row[name] = encoding.getIds();
    if (encoding.getTypeIds().some(type => type > 0)) row[name + ':types'] = encoding.getTypeIds();
  }
  return ascii(row) + '\n';
}

const ranges = [
  [0x20, 0x7e], [0x20, 0x7e], [0x61, 0x7a], [0x61, 0x7a], [0x00, 0x1f], [0x80, 0xff], [0x100, 0x24f], [0x300, 0x36f], [0x370, 0x3ff], [0x400, 0x45f],
  [0x5d0, 0x5ea], [0x620, 0x652], [0x905, 0x94d], [0x1e00, 0x1eff], [0x2000, 0x206f], [0x20a0, 0x20b9], [0x2150, 0x22ff], [0x2460, 0x24ff],
  [0x3000, 0x30ff], [0x4e00, 0x4f00], [0xac00, 0xad00], [0xe000, 0xe010], [0xf900, 0xf920], [0xff00, 0xff60], [0xfff9, 0xffff],
  [0x1d400, 0x1d440], [0x1d7ce, 0x1d7ff], [0x1f300, 0x1f64f], [0x20000, 0x20010],
];
const words = ['the', 'running', 'Unaffable', '<mask>', ' [MASK]', '</s>', ' ', '  ', '    ', '\n', '\t ', '12.5', "don't", "we'LL", "\u00ef's", 'CAF\u00c9', 'e\u0301', '\u2581', '5,', '``x\'\''];
const { randomText } = require('./random-texts')(20261124, 10, ranges, words);

(async () => {
  let output = '';
  for (const text of ['', ' ', '   ', 'Hello <mask> world', ' <mask>\t<mask> </s>x<s>', 'a [MASK][END]  b', '[CLS] the [SEP]', 'mail |||EMAIL||| to', 'cafe\u0301x caf\u00e9x cafx',
    'a   b      c         d', '<extra_id_0> and<extra_id_99>', 'x</s> y </s>z', '  both   ends  ', 'line\nbreak\r\n\r\nend ', "it's I'M we've  'tis 'd", '\u{1d400}b\u{1d7d8}1\u{1f600}z',
    '\u{20000}\u4e00a', '\u2581x\u2581 y', '1,234,567, and 5,', "``quoted'' ''", '\uff21\uff22\u3000\uff43', '\ufb01ne \u00bd \u2460', '\u00a0\u2003x\u200by', 'x'.repeat(120), '\u00e9'.repeat(40),
    'e\u0323\u0301', '\u1100\u1161\u11a8', '\u0e01\u0e33']) {
    output += await write({ text, pair: null, max_length: null }, text, null, null);
  }
  for (let n = 0; n < 90; n++) {
    const text = randomText();
    output += await write({ text, pair: null, max_length: null }, text, null, null);
  }
  const numbers = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];
  for (const [first, second] of [[0, 3], [3, 0], [1, 8], [8, 1], [4, 7], [7, 4], [5, 5]]) {
    for (const maxLength of [null, 4, 7, 12]) {
      const [text, pair] = [numbers.slice(0, first).join(' '), numbers.slice(0, second).join(' ')];
      output += await write({ text, pair, max_length: maxLength }, text, pair, maxLength);
    }
  }
  fs.writeFileSync('pieces.jsonl', output);
})();
