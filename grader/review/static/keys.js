"use strict";
(() => {
  const form = document.getElementById("form");
  const field = (name) => document.getElementById(name);
  const typing = () => /^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName);
  let leaving = false;

  function addComment(button) {
    const comment = field("comment");
    comment.value = [comment.value.trimEnd(), button.dataset.comment].filter(Boolean).join("\n");
    comment.dispatchEvent(new Event("input"));
  }

  // Shift and a digit mean nothing in the points, but something in any text.
  function saidBefore(event) {
    const digit = /^Digit([1-9])$/.exec(event.code);
    if (!event.shiftKey || !digit || (typing() && document.activeElement.id !== "points")) return;
    const button = document.querySelectorAll("[data-comment]")[digit[1] - 1];
    event.preventDefault();
    if (button) addComment(button);
  }

  function jump(event) {
    const link = document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`);
    if (link) return link.click();
    const wanted = { c: "comment", r: "reason" }[event.key];
    if (wanted && field(wanted)) {
      event.preventDefault();
      field(wanted).focus();
    } else if (form && /^[0-9]$/.test(event.key)) {
      field("points").select(); // the digit that comes next replaces what stood there
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      if (form && form.contains(document.activeElement)) form.requestSubmit();
    } else if (event.ctrlKey || event.metaKey) return;
    else if (event.key === "Escape") document.activeElement.blur();
    else if (form && event.shiftKey && event.code.startsWith("Digit")) saidBefore(event);
    else if (!typing()) jump(event);
  });

  if (!form) return;
  for (const button of document.querySelectorAll("[data-comment]")) {
    button.addEventListener("click", () => addComment(button));
  }
  const typed = () => new URLSearchParams(new FormData(form)).toString();
  const shown = typed();
  for (const any of document.forms) any.addEventListener("submit", () => (leaving = true));
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && typed() !== shown) event.preventDefault();
  });
})();
