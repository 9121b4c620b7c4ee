// For pages that renew themselves (htmx with server-sent events): says when they no longer do, and when a case is new.
const LATE = 5000; // ms; a stream that ends is opened again within a second
let lost;

document.addEventListener("htmx:sseError", ({ detail }) => {
  lost ??= setTimeout(() => {
    const asOf = document.querySelector("#as-of");
    if (asOf) asOf.textContent = "No connection: what you see may be old.";
  }, LATE);
  if (detail.source?.readyState !== EventSource.CLOSED) return; // the browser opens it again by itself
  for (const part of document.querySelectorAll("[hx-trigger='sse:news']")) htmx.trigger(part, "sse:news"); // signed out?
});

document.addEventListener("htmx:sseOpen", () => {
  clearTimeout(lost);
  lost = undefined;
});

let waiting = Number(document.querySelector("[data-waiting]")?.dataset.waiting);
document.addEventListener("htmx:afterSettle", () => {
  const now = Number(document.querySelector("[data-waiting]")?.dataset.waiting);
  if (now > waiting) document.querySelector("#news").textContent = "Somebody new is waiting.";
  waiting = now;
});
