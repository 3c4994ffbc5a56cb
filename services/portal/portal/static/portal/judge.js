/* Judging songs by keyboard: each button or box that has a key is pressed by it, and a form is sent once. A genre's key does
   nothing before the song has begun to play: pressed twice, slowly, it would judge the next song, unheard. Where it cannot be
   played, the buttons judge it all the same. */
"use strict";

(() => {
  const FORMS = "[data-judge], [data-judge-back]";
  const TYPES = "input:not([type='hidden'], [type='checkbox']), textarea, select, [contenteditable]";
  // Where there is no player: longer than it takes to press a key twice.
  const SETTLED_MILLISECONDS = 700;
  let isSent = false;
  let shownAt = performance.now();

  function mayChoose() {
    const audio = document.querySelector("[data-player] audio");
    if (audio) return audio.played.length > 0;
    return performance.now() - shownAt >= SETTLED_MILLISECONDS;
  }

  function pressed(event) {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
    if (event.target.closest(TYPES)) return;
    const button = document.querySelector(`:is(${FORMS}) [data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (!button || (button.name === "genre" && !mayChoose())) return;
    event.preventDefault();
    button.click();
  }

  /* Enter in a tick or a list sends a form as if by its first button, which is a genre. */
  function entered(event) {
    if (event.key === "Enter" && event.target.matches(`:is(${FORMS}) :is(input, select)`)) event.preventDefault();
  }

  function sent(event) {
    if (!event.target.matches(FORMS)) return;
    if (isSent) event.preventDefault();
    isSent = true;
  }

  document.addEventListener("keydown", pressed);
  // Not "keydown", so that a list that is open still takes what is chosen in it.
  document.addEventListener("keypress", entered);
  document.addEventListener("submit", sent);
  // A page that the browser kept for its Back button can be sent again; the portal says what became of it.
  addEventListener("pageshow", () => {
    isSent = false;
    shownAt = performance.now();
  });
})();
