// Renews the queue without a flash and without losing one's place. Without scripts the page renews itself whole.
const every = Number(document.currentScript.dataset.seconds) * 1000;

async function renew() {
  try {
    const answer = await fetch("/console/queue?refresh=1");
    if (answer.redirected || !answer.ok) return location.reload(); // signed out, or something to read
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const focused = document.activeElement?.id;
    document.querySelector("main").replaceChildren(...page.querySelector("main").childNodes);
    document.title = page.title;
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  } catch {
    document.querySelector("#as-of").textContent = "No connection: this list may be old.";
  }
  setTimeout(renew, every);
}

setTimeout(renew, every);
