// Random texts for the other scripts. A small linear congruential generator: the same texts on every run.
module.exports = (seed, mostParts, ranges, words) => {
  let state = seed;
  const next = bound => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0, Math.floor(state / 4294967296 * bound));
  const randomText = () => {
    let text = '';
    for (let n = 1 + next(mostParts); n > 0; n--) {
      if (next(3) === 0) {
        text += words[next(words.length)] + (next(2) ? ' ' : '');
      } else {
        const [low, high] = ranges[next(ranges.length)];
        for (let k = 1 + next(4); k > 0; k--) text += String.fromCodePoint(low + next(high - low + 1));
      }
    }
    return text;
  };
  return { next, randomText };
};
