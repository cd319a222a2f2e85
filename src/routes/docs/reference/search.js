// Finds operations and schemas while one types, and marks where the reader is. The page reads without it.
const field = document.querySelector("#search");
const entries = [...document.querySelectorAll(".side li a")];
const none = document.querySelector(".none");

field.closest("div").hidden = false;

field.addEventListener("input", () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const entry of entries) {
    const text = entry.dataset.words;
    const fits = words.every((word) => text.includes(word));
    entry.parentElement.hidden = !fits;
    found += fits;
  }
  for (const group of document.querySelectorAll(".side details")) {
    group.hidden = !group.querySelector("li:not([hidden])");
    if (words.length > 0 && !group.hidden) group.open = true;
  }
  none.hidden = found > 0;
});

// Enter goes to the first entry; a slash anywhere goes to the field.
field.addEventListener("keydown", (event) => {
  const first = entries.find((entry) => !entry.parentElement.hidden);
  if (event.key === "Enter" && first) first.click();
  if (event.key === "Escape") {
    field.value = "";
    field.dispatchEvent(new Event("input"));
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== field) {
    event.preventDefault();
    field.focus();
  }
});

const seen = new IntersectionObserver(
  (changes) => {
    for (const change of changes.filter((it) => it.isIntersecting)) {
      for (const entry of entries) {
        if (entry.getAttribute("href") === `#${change.target.id}`) entry.setAttribute("aria-current", "true");
        else entry.removeAttribute("aria-current");
      }
    }
  },
  { rootMargin: "0px 0px -80% 0px" },
);
for (const article of document.querySelectorAll("article")) seen.observe(article);
