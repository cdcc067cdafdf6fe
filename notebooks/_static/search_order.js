// search_order.js: which of several pages a search shows first, and where a hit leads.
// Sphinx counts whether a word occurs on a page, not where. A page that has the words in a heading
// comes before one that only mentions them, and the hit leads to that heading.
const headingOf = (page, id) => {
  const number = Search._index.docnames.indexOf(page);
  const found = Object.entries(Search._index.alltitles)
    .find(([, places]) => places.some(([file, place]) => file === number && place === id));
  return found && found[0] !== Search._index.titles[number] ? found[0] : "";
};

const bestHeading = (page, words) => {
  const number = Search._index.docnames.indexOf(page);
  let best = { share: 0, id: null };
  for (const [heading, places] of Object.entries(Search._index.alltitles)) {
    const place = places.find(([file]) => file === number);
    const found = words.filter((word) => heading.toLowerCase().includes(word.toLowerCase()));
    const share = found.length / words.length;
    if (place && share > best.share) best = { share, id: place[1] };
  }
  return best;
};

var Scorer = {
  score: (hit) => {  // [page, title, anchor, description, score, file, kind]
    const [page, title, , , score, , kind] = hit;
    let points = score;
    if (kind === "text") {
      const query = new URLSearchParams(location.search).get("q") || "";
      const { share, id } = bestHeading(page, splitQuery(query));
      points += 30 * share;
      if (share === 1 && id) hit[2] = `#${id}`;
    }
    const heading = hit[2] && headingOf(page, hit[2].slice(1));
    if (heading && !title.includes(heading)) hit[1] = `${title} > ${heading}`;
    return points;
  },
  // Sphinx's own numbers
  objNameMatch: 11, objPartialMatch: 6, objPrio: { 0: 15, 1: 5, 2: -5 }, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};
