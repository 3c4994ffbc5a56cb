/* Judging songs by keyboard: each button that has a key is pressed by it, and the form is sent once. */
"use strict";

(() => {
  const TYPES = "input:not([type='hidden']), textarea, select, [contenteditable]";
  let isSent = false;

  function pressed(event) {
    const form = document.querySelector("[data-judge]");
    if (!form || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
    if (event.target.closest(TYPES)) return;
    const button = form.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (!button) return;
    event.preventDefault();
    button.click();
  }

  function sent(event) {
    if (!event.target.matches("[data-judge]")) return;
    if (isSent) event.preventDefault();
    isSent = true;
  }

  document.addEventListener("keydown", pressed);
  document.addEventListener("submit", sent);
  // A page that the browser kept for its Back button can be sent again; the portal says what became of it.
  addEventListener("pageshow", () => { isSent = false; });
})();
