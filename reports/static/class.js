"use strict";
(() => {
  const body = document.getElementById("rows");
  const MOST = 1000; // rows at a time
  const model = body.rows[0];
  const rows = Array.from(body.rows, (row) => ({
    row,
    text: row.cells[0].textContent.toLowerCase(),
    keys: Array.from(row.cells, (cell) => cell.textContent),
    standing: row.dataset.s,
  }));
  // Rows of further pages have no element until they are shown.
  for (const packed of JSON.parse(document.getElementById("more")?.textContent ?? "[]")) {
    const [name, , id, pattern, score, standing, word] = packed;
    const who = id ? `${name} ${id}` : name;
    rows.push({ packed, text: who.toLowerCase(), keys: [who, pattern, score, word], standing });
  }
  const search = document.getElementById("search");
  const filter = document.getElementById("filter");
  const found = document.getElementById("found");
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  function small(text) {
    const element = document.createElement("small");
    element.textContent = text;
    return [" ", element];
  }

  function element(entry) {
    if (entry.row) return entry.row;
    const [name, href, id, pattern, score, standing, word, tone, late] = entry.packed;
    const row = model.cloneNode(true);
    const link = row.cells[0].querySelector("a");
    link.setAttribute("href", href);
    link.querySelector("bdi").textContent = name;
    row.cells[0].replaceChildren(link, ...(id ? small(id) : []));
    row.cells[1].textContent = pattern;
    row.cells[2].textContent = score;
    row.cells[3].className = tone;
    row.cells[3].replaceChildren(word, ...(late ? small("late") : []));
    row.dataset.s = standing;
    entry.row = row;
    return row;
  }

  function narrow() {
    const wanted = search.value.trim().toLowerCase();
    const matching = rows.filter(({ text, standing }) =>
      text.includes(wanted) && (filter.value === "" || standing === filter.value));
    body.replaceChildren(...matching.slice(0, MOST).map(element));
    const first = matching.length > MOST ? `, the first ${MOST} shown` : "";
    found.textContent = matching.length === rows.length && !first ? "" : `${matching.length} of ${rows.length}${first}`;
  }

  function compare(column) {
    if (column !== 2) return (a, b) => collator.compare(a.keys[column], b.keys[column]);
    const score = (entry) => (entry.keys[2] === "–" ? -1 : parseFloat(entry.keys[2]));
    return (a, b) => score(a) - score(b);
  }

  function sort(header) {
    const descending = header.getAttribute("aria-sort") === "ascending";
    for (const other of document.querySelectorAll("th[data-sort]")) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    rows.sort(compare(Number(header.dataset.sort)));
    if (descending) rows.reverse();
    narrow();
  }

  for (const header of document.querySelectorAll("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    button.addEventListener("click", () => sort(header));
    header.replaceChildren(button);
  }
  for (const draft of document.querySelectorAll(".draft")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", () => {
      getSelection().selectAllChildren(draft);
      navigator.clipboard?.writeText(draft.textContent).then(
        () => { button.textContent = "Copied"; },
        () => { button.textContent = "Selected"; },
      );
    });
    draft.after(button);
  }
  search.addEventListener("input", narrow);
  filter.addEventListener("change", narrow);
  search.form.addEventListener("submit", (event) => event.preventDefault());
  search.form.hidden = false;
})();
