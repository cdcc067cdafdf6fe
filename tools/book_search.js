// book_search.js: what a reader typed becomes pieces that are in the index; see book_search.py.

// Cut off the end of a word: 패딩이란, 커널을, 풀링층에서. At least two syllables stay.
const particles = ["이란", "에서", "으로", "까지", "부터", "은", "는", "이", "가", "을", "를", "의", "에",
  "로", "와", "과", "도", "란"];
const withoutParticle = (word) => {
  if (!/[가-힣]$/.test(word)) return word;
  const end = particles.find((one) => word.endsWith(one) && word.length - one.length >= 2);
  return end ? word.slice(0, -end.length) : word;
};

// A word longer than four syllables becomes overlapping pieces of four, all of which must be there.
// One syllable alone cannot be found and is left out.
var splitQuery = (query) => {
  const found = [];
  for (const word of query.match(/[가-힣]+|[^가-힣\s\p{P}\p{S}]+/gu) || []) {
    const stem = withoutParticle(word);
    if (!/[가-힣]/.test(stem)) found.push(stem);
    else if (stem.length <= 4) found.push(...(stem.length > 1 ? [stem] : []));
    else for (let end = 4; end <= stem.length; end += 1) found.push(stem.slice(end - 4, end));
  }
  return found;
};

// The glossary's entries are compared with all that was typed: there, too, without the particle.
if (typeof Search !== "undefined" && Search._performSearch) {
  const perform = Search._performSearch;
  Search._performSearch = (query, ...rest) =>
    perform(query.trim().split(/\s+/).map(withoutParticle).join(" "), ...rest);
}
