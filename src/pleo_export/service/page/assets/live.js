// Says when the page is told of changes no more, and how old then is what it shows. Once it is up to date again, that is taken away.
// What is shown anew keeps the focus.
"use strict";
{
  const SILENCE_MS = 45_000; // a stream that is well says something every 15 seconds
  const region = document.createElement("div"); // there before it speaks: so it is read out
  region.id = "lost";
  region.setAttribute("role", "status");
  let seen = new Date();
  let watch;

  const lost = () => {
    if (region.hasChildNodes()) return;
    const at = seen.toISOString().slice(0, 19).replace("T", " ");
    const notice = document.createElement("p");
    notice.className = "notice bad";
    notice.textContent = `The connection is lost; this is how it was at ${at} UTC. It is tried again by itself.`;
    region.append(notice);
  };
  const heard = () => {
    clearTimeout(watch);
    watch = setTimeout(lost, SILENCE_MS);
    seen = new Date();
  };

  document.addEventListener("DOMContentLoaded", () => {
    const live = document.querySelector("[sse-connect]");
    if (!live) return;
    live.before(region);
    heard();
    const quiet = () => (region.hasChildNodes() ? htmx.trigger(live.firstElementChild, "sse:changed") : heard());
    live.addEventListener("htmx:sseOpen", (event) => event.detail.source.addEventListener("quiet", quiet));
    for (const trouble of ["htmx:sseError", "htmx:sseClose", "htmx:sendError", "htmx:responseError"]) {
      live.addEventListener(trouble, lost);
    }
    let focused;
    const alike = (one) =>
      [...live.querySelectorAll(one.localName)].filter((other) =>
        ["href", "aria-label"].every((name) => other.getAttribute(name) === one.getAttribute(name)),
      );
    live.addEventListener("htmx:beforeSwap", () => {
      const one = document.activeElement;
      focused = live.contains(one) && !one.id ? { one, place: alike(one).indexOf(one) } : null; // htmx minds ids
    });
    // The stream begins with a change: whatever was missed is shown before this.
    live.addEventListener("htmx:afterSwap", () => {
      if (focused) alike(focused.one)[focused.place]?.focus({ preventScroll: true });
      region.replaceChildren();
      heard();
    });
  });
}
