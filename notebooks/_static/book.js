// book.js: small things around the pages of the web book.

// The switch to the other edition keeps the place: sections have the same ids in both.
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element && event.target.closest("a.edition-switch");
  if (!(link instanceof HTMLAnchorElement)) return;
  const sections = [...document.querySelectorAll("article section[id]")];
  const passed = sections.filter((one) => one.getBoundingClientRect().top < innerHeight / 3);
  const here = passed.at(-1);
  link.hash = here && here !== sections[0] ? here.id : "";
});

// The copy buttons speak the page's language and have a name for screen readers. copybutton.js
// makes them when the page is read; this script runs just before and just after.
/** @type {HTMLMetaElement | null} */
const meta = document.querySelector('meta[name="book-copy"]');
const say = meta.dataset;
Object.assign(messages[locale], { copy: say.copy, copy_success: say.copied });
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("button.copybtn").forEach((button) => { button.ariaLabel = say.copy; });
});
