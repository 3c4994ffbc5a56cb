/* Players of songs: the browser's own, with keys for the whole page, a way to the part that was analysed (the middle), and
   a sentence where a song cannot be played. */
"use strict";

(() => {
  const STEP_SECONDS = 5;
  const LONG_STEP_SECONDS = 10;
  // The analysis takes half a minute from the middle.
  const EXCERPT_SECONDS = 30;
  const TYPES_OR_PRESSES = "input, textarea, select, button, a[href], summary, audio, video, [contenteditable], [tabindex='0']";
  const AWAY = "The portal does not answer. Try again in a minute.";
  const SIGNED_OUT = "You are signed out: load this page again.";
  const BROKE_OFF = "The sound broke off. Try again.";

  const players = () => [...document.querySelectorAll("[data-player] audio")];
  let latest = null;

  function toTheMiddle(audio) {
    if (Number.isFinite(audio.duration)) audio.currentTime = Math.max(0, (audio.duration - EXCERPT_SECONDS) / 2);
  }

  function play(audio) {
    // What is wrong comes as an event of the element as well.
    audio.play().catch(() => {});
  }

  function playFromTheMiddle(audio) {
    if (audio.readyState >= HTMLMediaElement.HAVE_METADATA) toTheMiddle(audio);
    else audio.addEventListener("loadedmetadata", () => toTheMiddle(audio), { once: true });
    play(audio);
  }

  function seek(audio, seconds) {
    if (Number.isFinite(audio.duration))
      audio.currentTime = Math.min(audio.duration, Math.max(0, audio.currentTime + seconds));
  }

  function pressed(event) {
    const audio = latest?.isConnected ? latest : players()[0];
    if (!audio || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.closest(TYPES_OR_PRESSES)) return;
    const seconds = event.shiftKey ? LONG_STEP_SECONDS : STEP_SECONDS;
    if (event.key === " " && !event.shiftKey) audio.paused ? play(audio) : audio.pause();
    else if (event.key === "ArrowLeft") seek(audio, -seconds);
    else if (event.key === "ArrowRight") seek(audio, seconds);
    else return;
    event.preventDefault();
  }

  /* Why it does not play, as the portal says it: a media element keeps that to itself. */
  async function reason(audio) {
    const code = audio.error?.code;
    const answer = await fetch(audio.src, { headers: { Range: "bytes=0-0" }, cache: "no-store" });
    const kind = answer.headers.get("Content-Type") || "";
    if (answer.redirected) return { text: SIGNED_OUT };
    if (!answer.ok) return { text: kind.startsWith("text/plain") ? await answer.text() : AWAY };
    await answer.body?.cancel();
    if (code === MediaError.MEDIA_ERR_NETWORK) return { text: BROKE_OFF };
    const what = kind.startsWith("audio/") ? `files of the kind ${kind}` : "such files";
    return { text: `This browser cannot play ${what}. Download it, or listen to it in Plex.`, download: true };
  }

  async function failed(player, audio) {
    let found = { text: AWAY };
    try {
      found = await reason(audio);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    const trouble = player.querySelector("[data-player-trouble]");
    trouble.querySelector("[data-player-file]").hidden = !found.download;
    trouble.hidden = false;
    trouble.querySelector("span").textContent = found.text;
  }

  function again(player, audio) {
    player.querySelector("[data-player-trouble]").hidden = true;
    audio.load();
    play(audio);
  }

  function started(audio) {
    latest = audio;
    players().forEach((other) => other === audio || other.pause());
  }

  function prepare(player) {
    const audio = player.querySelector("audio");
    const find = (name) => player.querySelector(`[data-player-${name}]`);
    find("help").hidden = false;
    find("middle").addEventListener("click", () => playFromTheMiddle(audio));
    find("again").addEventListener("click", () => again(player, audio));
    audio.addEventListener("play", () => started(audio));
    audio.addEventListener("error", () => failed(player, audio));
    if ("fromMiddle" in player.dataset)
      audio.addEventListener("loadedmetadata", () => toTheMiddle(audio), { once: true });
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-player]").forEach(prepare);
    document.addEventListener("keydown", pressed);
  });
})();
