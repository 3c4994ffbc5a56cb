/* The filters of a list, for the keyboard: focus goes into them when they open, and back to their button on Escape. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("filters-button");
  const filters = document.getElementById("changelist-filter");
  if (!button || !filters) return;

  button.addEventListener("click", () => {
    // The theme shows them in its own time.
    new ResizeObserver((_, observer) => {
      const first = filters.querySelector("input:not([type=hidden]), select, a[href], button");
      if (!first || !first.offsetParent) return;
      first.focus();
      if (filters.contains(document.activeElement)) observer.disconnect();
    }).observe(filters);
  });
  window.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && filters.contains(document.activeElement)) button.focus();
  });
});
