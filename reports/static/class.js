"use strict";
(() => {
  const body = document.getElementById("rows");
  const rows = Array.from(body.rows, (row) => ({
    row,
    text: row.cells[0].textContent.toLowerCase(),
    keys: Array.from(row.cells, (cell) => cell.textContent),
  }));
  const search = document.getElementById("search");
  const filter = document.getElementById("filter");
  const found = document.getElementById("found");
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  function narrow() {
    const wanted = search.value.trim().toLowerCase();
    let count = 0;
    for (const { row, text } of rows) {
      row.hidden = !text.includes(wanted) || !(filter.value === "" || row.dataset.s === filter.value);
      count += row.hidden ? 0 : 1;
    }
    found.textContent = count === rows.length ? "" : `${count} of ${rows.length}`;
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
    body.append(...rows.map((entry) => entry.row));
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
