/* Puts the similar songs into a song's page: to look through all vectors takes longer than the rest of it. */
"use strict";

(() => {
  async function show() {
    const place = document.querySelector("[data-similar-address]");
    if (!place) return;
    try {
      const answer = await fetch(place.dataset.similarAddress);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = answer.ok && page.getElementById("similar");
      if (found) place.replaceChildren(found);
    } catch (error) {
      // The portal is away for a moment: the link that stands there leads to the same.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  document.addEventListener("DOMContentLoaded", show);
})();
