/* Keeps the element with id "live" up to date, as often as its data-refresh-seconds says, for as long as it says so.
   Only what differs is touched: focus, scrolling and what a person has opened or typed stay as they are. */
"use strict";

(() => {
  const DONE_BY_A_PERSON = ["open", "value", "checked"];
  const live = () => document.getElementById("live");

  function loadAnew() {
    // Not reload(), which would send a form a second time.
    window.location.replace(window.location.pathname + window.location.search);
  }

  async function fresh() {
    const answer = await fetch(window.location.pathname + window.location.search, { cache: "no-store" });
    if (!answer.ok) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return { part: page.getElementById("live") };
  }

  async function refresh() {
    let found = null;
    try {
      found = document.hidden ? null : await fresh();
    } catch (error) {
      // The portal is away for a moment: the next time it may be back.
      if (!(error instanceof TypeError)) throw error;
    }
    if (found === null) return again();
    // No such part: the person was signed out, or what the page shows is gone.
    if (!found.part || "refreshAnew" in live().dataset) return loadAnew();
    Idiomorph.morph(live(), found.part, {
      ignoreActiveValue: true,
      callbacks: { beforeAttributeUpdated: (name) => !DONE_BY_A_PERSON.includes(name) },
    });
    again();
  }

  function again() {
    const seconds = Number(live()?.dataset.refreshSeconds);
    if (seconds) setTimeout(refresh, seconds * 1000);
  }

  document.addEventListener("DOMContentLoaded", again);
})();
